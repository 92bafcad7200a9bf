/* Where what `up` leaves behind is found, by whatever program looks for it. */
#ifndef KR_PLACES_H
#define KR_PLACES_H

#define KR_STATE_DIR "/run/kumo-redirect" /* files named after the inode of the namespace */
#define KR_STATE_SCHEMA "kumo-redirect/state/1"
#define KR_EVIDENCE_SCHEMA "kumo-redirect/evidence/1"
#define KR_RT_TABLE 2525u /* our routing table */

#endif

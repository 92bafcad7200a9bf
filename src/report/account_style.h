/* The style of the page: light, dark, on paper, wide and narrow. */
#ifndef KR_ACCOUNT_STYLE_H
#define KR_ACCOUNT_STYLE_H

#define ACCOUNT_STYLE                                                                            \
    ":root{color-scheme:light dark;--bg:#f7f8fa;--card:#fff;--ink:#1a202c;--soft:#566072;"       \
    "--rule:#dde1e8;--accepted:#1d5fd0;--refused:#c2410c;--deferred:#8a6100;--sent:#566072;"     \
    "--good:#0b7a3b;--warn:#8a5a00;--doubt:#7a3fb0;--bad:#b91c1c}"                               \
    "@media(prefers-color-scheme:dark){:root{--bg:#11151c;--card:#1a2029;--ink:#e7eaf0;"         \
    "--soft:#a3adbd;--rule:#333c4a;--accepted:#6aa5ff;--refused:#ff8f5c;--deferred:#e3b341;"     \
    "--sent:#a3adbd;--good:#4cc38a;--warn:#e3b341;--doubt:#c297f5;--bad:#ff7b72}}"               \
    "*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);"               \
    "font:16px/1.5 system-ui,sans-serif}main{max-width:60rem;margin:0 auto;padding:1.5rem 1rem}" \
    "h1{font-size:1.6rem;line-height:1.25;margin:.2rem 0 .6rem}h2{font-size:1.1rem;margin:0 0 "  \
    ".8rem}p{margin:.3rem 0}.soft{color:var(--soft)}.over{color:var(--soft);font-size:.85rem;"   \
    "letter-spacing:.04em;text-transform:uppercase}"                                             \
    "section{background:var(--card);border:1px solid var(--rule);border-radius:.6rem;padding:"   \
    "1.1rem 1.2rem;margin:1rem 0}"                                                               \
    ".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.4rem,1fr));gap:.8rem;"   \
    "margin:1rem 0}.tile{background:var(--card);border:1px solid var(--rule);border-radius:"     \
    ".6rem;padding:.7rem .9rem}.tile b{display:block;font-size:1.45rem;line-height:1.25;"        \
    "font-variant-numeric:tabular-nums}.tile span{color:var(--soft);font-size:.85rem}"           \
    ".scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.92rem}"        \
    "th,td{text-align:left;padding:.4rem .9rem .4rem 0;border-top:1px solid var(--rule);"        \
    "vertical-align:top}thead th{border-top:0;color:var(--soft);font-weight:600;white-space:"    \
    "nowrap}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"    \
    "th[scope=row]{font-weight:500}td.codes{min-width:13rem}.text{overflow-wrap:anywhere}"       \
    ".is{white-space:nowrap;font-weight:600}.holds{color:var(--good)}"                           \
    ".noted,.explained{color:var(--warn)}.unknown{color:var(--doubt)}.broken{color:var(--bad)}"  \
    "code{font:.88em/1.5 ui-monospace,monospace;overflow-wrap:anywhere}"                         \
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;margin:0}"            \
    "dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}"                                   \
    ".plot{overflow-x:auto}.plot svg{display:block;width:100%;min-width:36rem;height:auto}"      \
    "svg text{fill:var(--soft);font:12px system-ui,sans-serif}svg .name{fill:var(--ink);"        \
    "font-size:13px}.grid{stroke:var(--rule);fill:none}.line{fill:none;stroke-width:2;"          \
    "stroke-linejoin:round;stroke:var(--soft)}.line.accepted{stroke:var(--accepted)}"            \
    ".line.refused{stroke:var(--refused);stroke-dasharray:7 3}.line.deferred{stroke:"            \
    "var(--deferred);stroke-dasharray:2 3}.line.sent{stroke:var(--sent);stroke-dasharray:"       \
    "10 4 2 4}.line.blocked{stroke:var(--bad)}.line.exempt{stroke:var(--warn);"                  \
    "stroke-dasharray:7 3}.bar.accepted{fill:var(--accepted)}.bar.refused{fill:var(--refused)}"  \
    ".bar.deferred{fill:var(--deferred)}.span{stroke:var(--soft);stroke-width:2}"                \
    ".dot{stroke:var(--card);stroke-width:1.5}.dot.p50{fill:var(--accepted)}"                    \
    ".dot.p99{fill:var(--deferred)}.dot.max{fill:var(--refused)}"                                \
    ".legend{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;margin:0 0 .5rem;"     \
    "padding:0;font-size:.9rem}.key{width:26px;height:10px;margin-right:.45rem;vertical-align:"  \
    "middle}details{margin-top:.8rem}summary{cursor:pointer;color:var(--soft)}"                  \
    "@media(max-width:34rem){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}"         \
    ".balance tr{display:block;border-top:1px solid var(--rule);padding:.5rem 0}.balance thead{" \
    "display:none}.balance td,.balance th{display:block;border:0;padding:0}}"                    \
    "@media print{:root{color-scheme:light;--bg:#fff;--card:#fff;--ink:#000;--soft:#444;"        \
    "--rule:#bbb;--accepted:#1d5fd0;--refused:#c2410c;--deferred:#8a6100;--sent:#444;"           \
    "--good:#0b7a3b;--warn:#8a5a00;--doubt:#7a3fb0;--bad:#b91c1c}body{font-size:10.5pt}"         \
    "main{max-width:none;padding:0}section{break-inside:avoid;border-radius:0}"                  \
    ".bar,.dot{print-color-adjust:exact;-webkit-print-color-adjust:exact}.plot svg{min-width:0}" \
    "details:not([open]){display:none}}"

#endif

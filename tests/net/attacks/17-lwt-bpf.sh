TITLE="a route that runs a BPF program"
CHECK=lwt-programs
setup() { spawn_ready lwt "$H" "$TOOLS/bpfload" lwt up0 203.0.113.0 24; }
attack() { conn "$H" "$MX4" 25; raw "$H" "$HOST4" 4017 "$MX4" 25; raw_frame -V packet "$HOST4" 4018 "$MX4" 25; }

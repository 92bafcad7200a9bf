TITLE="SO_BINDTODEVICE: the redirected packet itself"
attack() { conn "$H" -d up0 "$MX4" 25; conn "$H" -d up0 "$MX6" 25; }

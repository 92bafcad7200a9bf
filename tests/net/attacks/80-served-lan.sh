TITLE="must work: the LAN's own SMTP"
WANT=lan-smtp
attack() { conn "$H" "$LAN4" 25; conn "$H" "$LAN6" 25; }

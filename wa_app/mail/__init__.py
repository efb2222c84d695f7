"""Mail leaves through one port: SMTP when configured, else a folder that development shows."""

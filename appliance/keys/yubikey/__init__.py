"""YubiKeys: keys in their PIV application, reached by PC/SC."""

"""The appliance: one process that is a certificate authority."""

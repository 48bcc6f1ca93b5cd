"""The ACME front door: signed requests in, resources and problem documents out."""

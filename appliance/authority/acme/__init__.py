"""The ACME protocol over the store: accounts, orders, authorizations, certificates."""

"""The CA's own routes, as every step client knows them."""

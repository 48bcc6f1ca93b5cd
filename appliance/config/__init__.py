"""ca.json to checked values and back; what ca init writes."""

"""Go's text/template, octet for octet: parse a template once, render it with any data."""

"""Bytes or text in, values out, or FormatError; and back."""

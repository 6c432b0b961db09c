"""Images and labels of a domain, as networks take them."""

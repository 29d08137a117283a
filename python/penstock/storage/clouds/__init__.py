"""The clouds: what an address and credentials of each make."""

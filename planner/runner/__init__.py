"""Tasks that chromplan starts itself, on this machine or as steps of an allocation."""

"""Workers on the machines of a Ray cluster: the same processes, told and heard through a mailbox."""

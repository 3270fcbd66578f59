"""What CBR's error codes mean for a resource that was left out of a restore point."""

EXPLANATIONS: dict[str, str] = {}

"""What brings events: gateways' requests, batches of topics and queues, and the documents within documents.

``gateways`` and ``batches`` take a platform's event apart before anybody is asked who they are; ``unwrapping`` goes on with what
a proven sender sent; ``foreign`` names the carriers that are not for this.
"""

"""SMN: its API reference's table, as far as topics, templates and publishing go; some are 403 where one expects 400."""

TEXT = """
0001 403 No permission to request resources.
0002 400 Parameter: Name is invalid.
0003 400 Parameter: DisplayName is invalid.
0004 403 Exceeded topic limit.
0005 400 Parameter: TopicUrn is invalid.
0006 404 Topic not found.
0008 403 Parameter: Subject is invalid.
0009 403 Parameter: Message is invalid.
0011 400 Parameter: Protocol is invalid.
0015 400 Parameter: Offset or limit is invalid.
0016 500 Database Exceptions.
0018 500 Service internal error.
0021 400 MessageStructure is invalid.
0024 400 Parameter: content is invalid.
0025 400 Template already exists.
0027 404 Template not found.
0031 400 Parameter: template_id is invalid.
0032 400 Parameter: message_template_name is invalid.
0038 400 Parameter: tag is invalid.
0042 400 Parameter: Message_template_name is invalid.
0044 400 Exceeded template limit.
0046 400 Parameter: Attribute name is invalid.
0047 403 Parameter: Value exceeds the maximum length.
0057 403 The number of SMS messages exceeds the limit.
0065 403 The number of email messages exceeds the limit.
0070 403 No permission to request resources. The role is op_restricted. Contact customer service.
0071 403 No permission to request resources. The role is op_suspended.
0075 403 Parameter: tags are too many.
0076 404 Default message template not found.
0083 403 Finish real-name authentication before continuing.
00308 403 Policy doesn't allow the action to be performed.
"""

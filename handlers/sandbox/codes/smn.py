"""SMN: its API reference's table, as far as topics, templates and publishing go; some are 403 where one expects 400."""

TEXT = """
0001 403 No permission for the requested resources.
0002 400 Invalid topic name.
0003 400 Invalid display name.
0004 403 The number of topics has reached the limit.
0005 400 Invalid topic URN.
0006 404 The topic does not exist.
0008 403 Invalid subject.
0009 403 Invalid message.
0011 400 Invalid protocol.
0015 400 Invalid offset or limit.
0016 500 Database error.
0018 500 Internal error.
0021 400 Invalid message structure.
0024 400 Invalid template content.
0025 200 The message template exists already.
0027 404 The message template does not exist.
0031 400 Invalid template id.
0032 400 Invalid message template name.
0038 400 Invalid tag.
0042 400 Invalid message template name.
0044 400 The number of message templates has reached the limit.
0046 400 Invalid attribute name.
0047 403 The value is too long.
0057 403 The number of SMS messages has reached the limit.
0065 403 The number of e-mail messages has reached the limit.
0070 403 No permission: the account is restricted.
0071 403 No permission: the account is suspended.
0075 403 Too many tags.
0076 404 The message template has no version for the default protocol.
0083 403 The account is not verified.
00308 403 A policy forbids the action.
"""

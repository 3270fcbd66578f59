"""IAM: its newer calls answer with codes of this kind, the older ones with Keystone's envelope."""

TEXT = """
0001 401 The request you have made requires authentication.
0002 403 You are not authorized to perform the requested action.
0003 403 Policy does not allow the requested action.
0004 404 Could not find the target.
0005 409 Conflict occurred when the request was being processed.
0006 500 Internal error.
0007 400 A request parameter is invalid.
0009 400 The X-Subject-Token is invalid.
0011 400 The request body is invalid.
0012 429 The throttling threshold has been reached: 100 times per 60 seconds.
0020 410 Authentication of the home region has failed over.
0061 401 The user is locked.
0062 401 The username or password is wrong.
0063 401 The access token is invalid.
0064 401 The access token lacks the required right.
0066 401 The token has expired.
0067 401 The token is invalid.
0072 400 A required property is missing.
0073 400 The value of a field is invalid.
0080 403 The user of the access key is disabled.
0081 403 The user may use the console only.
0082 403 The user is disabled.
0083 403 No right in this region.
1101 400 The request body is empty or larger than 32 KB.
1102 400 A value is invalid.
1103 400 A required property is missing.
1104 400 The access key is blacklisted.
1105 400 The access key has expired.
1106 400 The user of the access key does not exist.
1107 400 The access key is inactive.
1108 400 The security token has expired.
1109 400 The project does not exist.
"""

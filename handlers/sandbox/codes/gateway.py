"""The API gateway: the table of its manual. Of a code with several statuses the first stands here."""

TEXT = """
0101 404 The API does not exist or has not been published in the environment
0103 404 The backend does not exist
0104 500 The plug-ins do not exist
0105 500 The backend configurations do not exist
0106 400 Orchestration error
0201 400 API request error
0202 502 Backend unavailable
0203 504 Backend timeout
0204 400 SSL protocol is not supported
0205 400 Failed to verify the client certificate
0301 401 Incorrect IAM authentication information: Unauthorized
0302 403 The IAM user is not authorized to access the API
0303 401 Incorrect app authentication information
0304 403 The app is not authorized to access the API
0305 401 Incorrect authentication information
0306 403 API access denied
0307 401 The token must be updated.
0308 429 The throttling threshold has been reached: policy user over ratelimit,limit:100,time:1 minute
0310 403 The project is unavailable
0311 401 Incorrect debugging authentication information
0312 401 Incorrect third-party authentication information
0313 401 Incorrect third-party identities
0314 403 Access denied by third-party authentication
0401 403 Unknown client IP address
0402 403 The IP address is not authorized to access the API
0404 403 Access to the backend IP address has been denied
0405 403 The app is not accessed from a trusted IP address
0501 405 The app quota has been used up
0502 405 The app has been frozen
0601 500 Internal server error
0602 400 Bad request
0605 500 Failed to resolve the backend domain name
0606 500 Failed to load the API configurations
0607 400 The protocol is not supported
0608 500 Failed to obtain the admin token
0609 500 The VPC backend does not exist
0610 502 No backend available
0611 500 The backend port does not exist
0612 500 An API cannot call itself
0613 503 The IAM service is currently unavailable
0705 500 Backend signature calculation failed
0801 403 Access denied by the backend
0802 403 The IAM user is forbidden in the currently selected region
"""

# 0201 by its statuses
BAD_REQUESTS = {
    413: "Request entity too large",
    414: "Request URI too large",
    494: "Request headers too large",
    500: "An unexpected error occurred",
    502: "Backend unavailable",
    504: "Backend timeout",
}

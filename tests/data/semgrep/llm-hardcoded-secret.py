import os

# ruleid: llm-hardcoded-secret
API_KEY = "sk-live-4f9a8b7c6d5e"
# ruleid: llm-hardcoded-secret
password: str = "Tr0ub4dor&3"
# ruleid: llm-hardcoded-secret
SETTINGS = {"host": "db", "password": "hunter2hunter2"}
# ok: llm-hardcoded-secret
TOKEN_HEADER = "X-Auth-Token-7"
# ok: llm-hardcoded-secret
API_KEY_NAME = "x-api-key-2"
# ok: llm-hardcoded-secret
grant = {"token": "access_token", "secret": "short"}
# ok: llm-hardcoded-secret
auth_token = "<your-token-1234>"
# ok: llm-hardcoded-secret
client_secret = "your-client-secret-1"
# ok: llm-hardcoded-secret
secret = "${VAULT_SECRET_1}"
# ok: llm-hardcoded-secret
token = os.environ["TOKEN"]
# ok: llm-hardcoded-secret
password_file = "/run/secrets/password1"
# ok: llm-hardcoded-secret
error = {"password": "Must have 8 characters"}


def run(connect, user):
    # ruleid: llm-hardcoded-secret
    connect(host="db", password="S3cretPassw0rd")
    # ruleid: llm-hardcoded-secret
    user.secret_key = "django-insecure-9f8e7d"
    # ruleid: llm-hardcoded-secret
    os.environ["DB_PASSWORD"] = "S3cretPassw0rd"
    # ruleid: llm-hardcoded-secret
    os.environ.get("JWT_SECRET", "s3cr3t-jwt-key")
    # ok: llm-hardcoded-secret
    os.environ.get("JWT_SECRET", "")
    # ok: llm-hardcoded-secret
    connect(host="db", password=user.password)
    # ok: llm-hardcoded-secret
    token = "https://login.example.org/oauth2/token"

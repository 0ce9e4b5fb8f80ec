# shellcheck shell=bash
# Development environments: their files and their two processes. Sourced after lib.sh; DIR is an absolute path.

TOKEN_LABEL=vault-dev
# DEV_TOKENS=2: a second token, vault-dev-2, whose keys stand in for the first one's.
TOKEN_LABELS=("$TOKEN_LABEL")
[[ ${DEV_TOKENS:-1} == 1 ]] || TOKEN_LABELS+=("$TOKEN_LABEL-2")
# How long a process may take to become ready, in tenths of a second.
PATIENCE=1200

# environment_directory ARGUMENT sets DIR to an absolute path and refuses those that some file format cannot hold.
environment_directory() {
    [[ -n $1 ]] || die "the directory's name is empty"
    DIR=$(realpath -m -- "$1")
    [[ $DIR != *[$'\n\r\t#']* ]] || die "$DIR: softhsm2.conf can hold no path with a line break, a tab or a '#'"
    # sun_path holds 108 bytes (unix(7)); the configuration names the sockets by their full path.
    ((${#DIR} <= 90)) || die "$DIR: the path is too long for a Unix socket in it (90 characters at most)"
}

# --- processes -------------------------------------------------------------------------------------------------------

# identity PID prints what tells a process from a later one with the same number: its start time and this boot.
identity() {
    local stat
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
    # The command's name is in parentheses and may hold spaces; the state is the first field after it.
    local -a fields
    read -r -a fields <<<"${stat##*) }"
    [[ ${fields[0]} != Z ]] || return 1
    printf '%s %s\n' "${fields[19]}" "$(</proc/sys/kernel/random/boot_id)"
}

# running NAME: whether the process that was started under this name is alive; sets PID.
running() {
    local start boot
    [[ -f $DIR/run/$1.pid ]] || return 1
    read -r PID start boot <"$DIR/run/$1.pid" || return 1
    [[ $(identity "$PID") == "$start $boot" ]]
}

# start NAME ARGUMENT... starts the appliance's binary in a session of its own, with its output in DIR/NAME.log and the
# variables of the caller's array `variables`.
start() {
    local name=$1
    shift
    [[ ! -s $DIR/$name.log ]] || printf '\n' >>"$DIR/$name.log"
    setsid env "${variables[@]}" "$DIR/run/vault-appliance" "$@" >>"$DIR/$name.log" 2>&1 </dev/null 9>&- &
    printf '%s %s\n' "$!" "$(identity "$!")" >"$DIR/run/$name.pid"
    disown
}

# end NAME ends the process that was started under this name, and no other.
end() {
    local tenths=0
    if running "$1"; then
        kill -TERM "$PID" 2>/dev/null || true
        while running "$1"; do
            if ((++tenths > 300)); then
                say "the $1 (process $PID) did not end within 30 s; killing it"
                kill -KILL "$PID" 2>/dev/null || true
                tenths=0
            fi
            sleep 0.1
        done
    fi
    rm -f "$DIR/run/$1.pid"
}

# await NAME COMMAND... waits until the command succeeds; fails when the process ends or patience does.
await() {
    local name=$1 tenths=0
    shift
    until "$@" >/dev/null 2>&1; do
        running "$name" || explain "$name" "the $name ended while it started"
        ((++tenths <= PATIENCE)) || explain "$name" "the $name was not ready within $((PATIENCE / 10)) s"
        sleep 0.1
    done
}

# explain NAME MESSAGE shows the end of the log that explains a failure, and stops.
explain() {
    say "--- the last lines of $DIR/$1.log"
    tail -n 15 "$DIR/$1.log" >&2 || true
    say "---"
    die "$2"
}

# http_status URL prints the status of a GET over plain HTTP; bash alone, as curl may not be there.
http_status() {
    local host port path=/ rest=${1#http://} status _
    [[ $rest != */* ]] || path=/${rest#*/}
    host=${rest%%[:/]*}
    port=${rest%%/*}
    port=${port##*:}
    # shellcheck disable=SC2016 # the inner shell expands its own parameters
    timeout 10 bash -c 'exec 3<>"/dev/tcp/$0/$1" && printf "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" "$2" "$0" >&3 &&
        head -n 1 <&3' "$host" "$port" "$path" 2>/dev/null | { read -r _ status _ && printf '%s\n' "$status"; }
}

is_ready() { [[ $(http_status "$1/health/ready") == 200 ]]; }

# start_sealed_core starts a core that nobody has activated.
# DEV_CORE_ENVIRONMENT holds more variables for it, one a line: tests put a failing disk under it.
start_sealed_core() {
    local -a variables=()
    step "starting the core"
    [[ -z ${DEV_CORE_ENVIRONMENT:-} ]] || mapfile -t variables <<<"$DEV_CORE_ENVIRONMENT"
    variables+=("SOFTHSM2_CONF=$DIR/softhsm2.conf")
    start core core --config "$DIR/config.yaml"
}

# start_core starts the core, and two custodians bring it to life where there are any.
start_core() {
    start_sealed_core
    if [[ -d $DIR/custodians ]]; then
        step "two custodians activate it"
        activate_core
    fi
    await core answers
}

# answers says whether the core answers at all: it exits 1 also where something is wrong with a target, which is for people.
answers() { [[ -n $("$DIR/run/vault-appliance" status --config "$DIR/config.yaml" 2>/dev/null) ]]; }

start_front() {
    local -a variables=()
    step "starting the front"
    start front serve --config "$DIR/config.yaml"
    await front is_ready "$1"
}

# refresh_pids writes the numbers of the two processes into DIR/env.
refresh_pids() {
    local front core
    running front && front=$PID
    running core && core=$PID
    sed -i -e "s/^export VAULT_PID=.*/export VAULT_PID='${front:-}'/" \
        -e "s/^export VAULT_CORE_PID=.*/export VAULT_CORE_PID='${core:-}'/" "$DIR/env"
}

# --- files -----------------------------------------------------------------------------------------------------------

softhsm_module() {
    local module
    for module in /usr/lib/softhsm/libsofthsm2.so "/usr/lib/$(uname -m)-linux-gnu/softhsm/libsofthsm2.so"; do
        if [[ -e $module ]]; then
            printf '%s\n' "$module"
            return
        fi
    done
    die "SoftHSM's module libsofthsm2.so is not where Debian's package libsofthsm2 puts it"
}

# initialise_tokens makes the tokens as a vendor's tool would, with random PINs in files that the genesis makes useless.
initialise_tokens() {
    local pin so_pin output label
    mkdir "$DIR/tokens"
    printf '%s\n' "directories.tokendir = $DIR/tokens" 'objectstore.backend = file' 'log.level = ERROR' >"$DIR/softhsm2.conf"
    random_hex 16 >"$DIR/pin"
    pin=$(<"$DIR/pin")
    random_hex 16 >"$DIR/so-pin"
    so_pin=$(<"$DIR/so-pin")
    # softhsm2-util takes PINs from its command line, where every process of the host can read them, or from a
    # terminal. script(1) gives it a terminal. What comes back holds the echo of the PINs and is shown without them.
    for label in "${TOKEN_LABELS[@]}"; do
        if ! output=$(printf '%s\n' "$so_pin" "$so_pin" "$pin" "$pin" |
            SOFTHSM2_CONF=$DIR/softhsm2.conf timeout 120 script -q -e \
                -c "softhsm2-util --init-token --free --label $label" /dev/null 2>&1); then
            output=${output//"$so_pin"/[SO PIN]}
            say "${output//"$pin"/[PIN]}"
            die "softhsm2-util could not initialise a token"
        fi
    done
}

# write_configuration GATEWAY_PORT PUBLIC_PORT OPS_PORT writes config.yaml, for ISSUER. Its paths are relative to DIR.
write_configuration() {
    local module custody='custody: quorum, custody_directory: custody' pin='' label tokens=''
    module=$(softhsm_module)
    if [[ ${DEV_CUSTODY:-} == development ]]; then
        custody='custody: development, manifest: manifest.json' pin=' pin_file: pin,'
    fi
    for label in "${TOKEN_LABELS[@]}"; do
        tokens+="${tokens:+, }{module: \"$module\", token: \"pkcs11:token=$label\",$pin lanes: 2, queue: 1024}"
    done
    ((${#TOKEN_LABELS[@]} == 1)) || tokens="{tokens: [$tokens]}"
    cat >"$DIR/config.yaml" <<YAML
# A development appliance, under the custody of two of three software custodians (custodians/) unless it says otherwise.
version: 1
# Where the public listener is reached, so that a verifier finds metadata and keys by the issuer alone.
issuer: $ISSUER
listeners:
  gateway: {host: 127.0.0.1, port: $1, key: tls-gateway, certificate: tls/gateway.pem, client_ca: pki/ca.pem, external_url: "https://127.0.0.1:$1"}
  public: {host: 127.0.0.1, port: $2, key: tls-public, certificate: tls/public.pem, external_url: "$ISSUER"}
  ops: {host: 127.0.0.1, port: $3}
core: {front_socket: run/front.sock, admin_socket: run/admin.sock, $custody}
hsm: $tokens
keys:
  - {label: sign-es256, purpose: signing, alg: ES256, types: ["at+jwt", "txntoken+jwt", "oauth-id-jag+jwt"], max_lifetime: 300s}
  # Federations: some know RS256 alone.
  - {label: sign-rs256, purpose: signing, alg: RS256, types: ["at+jwt", "JWT"], max_lifetime: 300s}
  - {label: sign-eddsa, purpose: signing, alg: EdDSA, types: ["at+jwt"], max_lifetime: 300s}
  - {label: sign-ps256, purpose: signing, alg: PS256, types: ["at+jwt"], max_lifetime: 300s}
  - {label: checkpoint, purpose: checkpoint, alg: EdDSA}
  - {label: tls-gateway, purpose: tls, alg: ES256}
  - {label: tls-public, purpose: tls, alg: ES256}
  # SoftHSM knows RSA-OAEP with SHA-1 alone; a real token takes RSA-OAEP-256.
  - {label: kek, purpose: kek, alg: RSA-OAEP}
clients:
  - {id: gateway-mcp, auth: tls_client_auth, san_uri: "spiffe://acme.example/gateway/mcp"}
  # No more skew than clocks of one host need: after a start, assertions are refused for so long. An hour is authlib's.
  - {id: gateway-jwt, auth: private_key_jwt, algorithms: [ES256, EdDSA, PS256], jwks_file: gateway/gateway-jwks.json, clock_skew: 1s, assertion_lifetime: 1h}
issuers:
  - name: corp
    issuer: https://idp.acme.example
    roles: [subject]
    audiences: ["$ISSUER"]
    algorithms: [ES256, RS256]
    jwks_file: idp/idp-jwks.json
    max_subject_age: 1h
    claims: {groups: groups}
    agent: actor_token
  - name: agents
    issuer: https://agents.acme.example
    roles: [actor]
    audiences: ["$ISSUER"]
    algorithms: [ES256]
    jwks_file: agents/agents-jwks.json
  # Users of a portal whose own tokens name the agent: one token proves both.
  - name: desk
    issuer: https://desk.acme.example
    roles: [subject]
    audiences: ["$ISSUER"]
    algorithms: [ES256]
    jwks_file: idp/idp-jwks.json
    subject_prefix: "desk:"
    agent: subject_act
  # Another company's authorization server: identity assertions, each redeemed once.
  - name: partner
    issuer: https://partner.example
    roles: [partner]
    audiences: ["$ISSUER"]
    algorithms: [ES256]
    jwks_file: partner/partner-jwks.json
    # After a start of the front assertions are refused for so long.
    clock_skew: 1s
    subject_prefix: "partner:"
    agent: subject_act
targets:
  - {name: demo-api, kind: jwt, audience: "https://demo-api.acme.example", resources: ["https://demo-api.acme.example/"], key: sign-es256, scopes: ["accounts:read", "opportunities:write"]}
  - {name: crm, kind: jwt, audience: "https://crm.acme.example", resources: ["https://crm.acme.example/"], key: sign-es256, scopes: ["accounts:read", "opportunities:write"]}
  - {name: trust, kind: txn_token, audience: "https://trust.acme.example", key: sign-es256, scopes: ["accounts:read"]}
  - {name: chat, kind: id_jag, audience: "https://auth.chat.example", resources: ["https://api.chat.example/"], key: sign-es256, scopes: ["chat:write"], client_id: vault-at-chat}
  - {name: aws, kind: oidc, audience: sts.amazonaws.com, key: sign-rs256, subject: "acme:{user}", session_tags: [{key: User, value: "{user}", transitive: true}, {key: Tool, value: "{tool}"}]}
  - {name: google, kind: oidc, audience: "//iam.googleapis.com/projects/7/locations/global/workloadIdentityPools/agents/providers/vault", key: sign-rs256, subject: "{user}"}
  - {name: entra, kind: oidc, audience: "api://AzureADTokenExchange", key: sign-rs256, subject: "{agent}"}
  - {name: snowflake, kind: oidc, audience: snowflakecomputing.com, key: sign-rs256, subject: "{user}/{agent}"}
policy: policy.yaml
audit: {directory: log, origin: vault.acme.example/log, checkpoint_interval: 1s, headroom: 64MiB}
YAML
}

# copy_configuration OTHER GATEWAY_PORT PUBLIC_PORT OPS_PORT does what an operator does for a new appliance beside another one:
# the same configuration, gateways, identity providers and authority, at other addresses and with a log of another name.
copy_configuration() {
    cp -R "$1"/{pki,idp,agents,partner,gateway,gateway-dpop,policy.yaml} "$DIR/"
    rm -f "$DIR"/pki/*.csr "$DIR"/pki/*-listener.pem
    sed -E -e "/^  gateway:/s|port: [0-9]+(.*external_url: )\"[^\"]*\"|port: $2\\1\"https://127.0.0.1:$2\"|" \
        -e "/^  public:/s|port: [0-9]+|port: $3|" -e "/^  ops:/s|port: [0-9]+|port: $4|" \
        -e '/^audit:/s|origin: [^,]+|origin: vault-2.acme.example/log|' "$1/config.yaml" >"$DIR/config.yaml"
}

write_policy() {
    cat >"$DIR/policy.yaml" <<'YAML'
# What alice of sales may have done for her, by the agent sales-assistant through the gateway; then one rule for each other kind
# of target and of user. Nothing for mallory.
version: 1
rules:
  - id: crm-read
    gateways: ["spiffe://acme.example/gateway/mcp", gateway-jwt]
    agents: {issuer: agents, subjects: ["sales-assistant"]}
    users: {issuer: corp, any_group: ["sales"]}
    target: demo-api
    tools: ["crm.read_account"]
    actions: ["read"]
    scopes: ["accounts:read"]
    lifetime: {default: 60s, max: 120s}
  - id: crm-update
    gateways: ["spiffe://acme.example/gateway/mcp", gateway-jwt]
    agents: {issuer: agents, subjects: ["sales-assistant"]}
    users: {issuer: corp, any_group: ["sales"]}
    target: demo-api
    tools: ["crm.update_opportunity"]
    actions: ["update"]
    scopes: ["opportunities:write"]
    lifetime: {default: 30s, max: 60s}
  - id: accounts-scope
    gateways: ["spiffe://acme.example/gateway/mcp", gateway-jwt]
    agents: {issuer: agents, subjects: ["sales-assistant"]}
    users: {issuer: corp, any_group: ["sales"]}
    target: demo-api
    scopes: ["accounts:read"]
    lifetime: {default: 60s, max: 120s}
  - id: trust-receipts
    gateways: [gateway-mcp]
    agents: {issuer: agents, subjects: ["sales-assistant"]}
    users: {issuer: corp, any_group: ["sales"]}
    target: trust
    tools: ["crm.read_account"]
    actions: ["read"]
    scopes: ["accounts:read"]
  - id: chat-posts
    gateways: [gateway-mcp]
    agents: {issuer: agents, subjects: ["sales-assistant"]}
    users: {issuer: corp, any_group: ["sales"]}
    target: chat
    scopes: ["chat:write"]
    lifetime: {default: 300s, max: 300s}
  - {id: aws, gateways: [gateway-mcp], agents: {issuer: agents, subjects: ["sales-assistant"]}, users: {issuer: corp, any_group: ["sales"]}, target: aws, tools: ["crm.read_account"]}
  - {id: google, gateways: [gateway-mcp], agents: {issuer: agents, subjects: ["sales-assistant"]}, users: {issuer: corp, any_group: ["sales"]}, target: google}
  - {id: entra, gateways: [gateway-mcp], agents: {issuer: agents, subjects: ["sales-assistant"]}, users: {issuer: corp, any_group: ["sales"]}, target: entra}
  - {id: snowflake, gateways: [gateway-mcp], agents: {issuer: agents, subjects: ["sales-assistant"]}, users: {issuer: corp, any_group: ["sales"]}, target: snowflake}
  # The gateway hands on what it got, for less: such tokens carry no groups, so the rule has a target of its own.
  - id: own-tokens
    gateways: [gateway-mcp]
    agents: {issuer: agents, subjects: ["sales-assistant"]}
    users: {issuer: corp}
    target: crm
    tools: ["crm.read_account"]
    actions: ["read"]
    scopes: ["accounts:read"]
    lifetime: {default: 30s, max: 30s}
  - {id: desk, gateways: [gateway-mcp], agents: {issuer: agents, subjects: ["sales-assistant"]}, users: {issuer: desk}, target: demo-api, scopes: ["accounts:read"], require: [actor_bound]}
  - {id: partner, gateways: [gateway-mcp], users: {issuer: partner}, target: demo-api, scopes: ["accounts:read"]}
  - {id: nightly, gateways: [gateway-mcp], users: none, target: demo-api, scopes: ["accounts:read"], lifetime: {default: 30s, max: 30s}}
denials:
  - {id: nothing-for-mallory, users: {issuer: corp, subjects: ["mallory"]}}
YAML
}

# write_env GATEWAY_PORT PUBLIC_PORT OPS_PORT writes DIR/env: everything a program needs to use the environment.
write_env() {
    local name value module
    module=$(softhsm_module)
    while IFS='=' read -r name value; do
        printf "export %s='%s'\n" "$name" "${value//\'/\'\\\'\'}"
    done >"$DIR/env.new" <<ENV
VAULT_URL=https://127.0.0.1:$1
VAULT_PUBLIC_URL=https://127.0.0.1:$2
VAULT_OPS_URL=http://127.0.0.1:$3
VAULT_ISSUER=$ISSUER
VAULT_CA=$DIR/pki/ca.pem
GATEWAY_CERT=$DIR/pki/gateway.pem
GATEWAY_KEY=$DIR/pki/gateway-key.pem
GATEWAY_JWT_CLIENT_ID=gateway-jwt
GATEWAY_JWT_JWK=$DIR/gateway/gateway-es256.jwk
GATEWAY_DPOP_JWK=$DIR/gateway-dpop/gateway-dpop-es256.jwk
STRANGER_CERT=$DIR/pki/stranger.pem
STRANGER_KEY=$DIR/pki/stranger-key.pem
IDP_ISSUER=https://idp.acme.example
IDP_JWK=$DIR/idp/idp-es256.jwk
IDP_RSA_JWK=$DIR/idp/idp-rs256.jwk
IDP_AUDIENCE=$ISSUER
AGENT_ISSUER=https://agents.acme.example
DESK_ISSUER=https://desk.acme.example
PARTNER_ISSUER=https://partner.example
PARTNER_JWK=$DIR/partner/partner-es256.jwk
AGENT_JWK=$DIR/agents/agents-es256.jwk
AGENT_AUDIENCE=$ISSUER
VAULT_CONFIG=$DIR/config.yaml
VAULT_POLICY=$DIR/policy.yaml
VAULT_ADMIN_SOCKET=$DIR/run/admin.sock
VAULT_LOG_DIR=$DIR/log
VAULT_LOG_VKEY=$DIR/log.vkey
SOFTHSM2_CONF=$DIR/softhsm2.conf
VAULT_MODULE=$module
VAULT_TOKEN_LABEL=$TOKEN_LABEL
VAULT_PID=
VAULT_CORE_PID=
ENV
    # The two commands of this environment's build come first: vault-appliance and vault-development.
    value=$DIR/run
    printf "export PATH='%s':\"\$PATH\"\n" "${value//\'/\'\\\'\'}" >>"$DIR/env.new"
    mv "$DIR/env.new" "$DIR/env"
    refresh_pids
}

# shellcheck shell=bash
# Two of three software custodians of a development environment: genesis and activation. Sourced after environment.sh.

# DEV_CUSTODIANS="dave erin frank": other people.
read -r -a CUSTODIANS <<<"${DEV_CUSTODIANS:-anna ben carla}"
# Those who act; the third could stand in for either.
QUORUM=("${CUSTODIANS[@]:0:2}")

# appliance ARGUMENT... runs a command of the environment's own binary.
appliance() { SOFTHSM2_CONF=$DIR/softhsm2.conf "$DIR/run/vault-appliance" "$@"; }

# custodian VERB NAME ARGUMENT... lets a custodian do something with the custodian's own directory.
custodian() { appliance custodian "$1" --home "$DIR/custodians/$2" "${@:3}"; }

# json_text NAME prints a text member of the JSON object on standard input.
json_text() { sed -n "s/.*\"$1\":\"\\([^\"]*\\)\".*/\\1/p" | tail -n 1; }

# enrol_custodians makes each custodian's keys.
enrol_custodians() {
    local name
    mkdir -p "$DIR/custodians"
    for name in "${CUSTODIANS[@]}"; do custodian enrol "$name" "$name" --no-passphrase --json; done >>"$DIR/genesis.log" 2>&1
}

# write_plan ISSUER writes genesis.yaml: the token and the keys of the configuration, the custodians of the enrolments.
write_plan() {
    local name label
    {
        cat <<YAML
# The one input of this environment's genesis.
ceremony: genesis
purpose: "Keys of a development appliance"
administrator: developer
valid_for: 1h
rehearsal: waived
tokens:
YAML
        for label in "${TOKEN_LABELS[@]}"; do
            say_line "  - {module: \"$(softhsm_module)\", token: \"pkcs11:token=$label\", prepare: adopt, pin_file: \"$DIR/pin\", pin: replace, so_pin: burn, so_pin_file: \"$DIR/so-pin\"}"
        done
        say_line 'keys:'
        sed -n "/^keys:/,/^clients:/{ s|^\\(  - {label: [^,]*, purpose: signing,\\)|\\1 issuer: \"$1\",|; /^  - {label:/p }" \
            "$DIR/config.yaml"
        say_line 'threshold: 2' 'custodians:'
        for name in "${CUSTODIANS[@]}"; do
            sed -n 's/.*"age_recipient":"\([^"]*\)".*"name":"\([^"]*\)".*"ssh_key":"\([^"]*\)".*/  - {name: \2, ssh_key: "\3", age_recipient: \1}/p' \
                "$DIR/custodians/$name/enrolment.json"
        done
    } >"$DIR/genesis.yaml"
}

say_line() { printf '%s\n' "$@"; }

# sign_and_hand_in ID FILE: the quorum signs a file of a ceremony, and the administrator hands the signatures in.
sign_and_hand_in() {
    local name signatures=()
    for name in "${QUORUM[@]}"; do
        rm -f "$DIR/custodians/$name/$2.sig"
        custodian approve "$name" --yes --out "$DIR/custodians/$name/$2.sig" "$DIR/custody/ceremonies/$1/$2" || return
        signatures+=("$DIR/custodians/$name/$2.sig")
    done
    appliance ceremony approve --config "$DIR/config.yaml" "$1" "${signatures[@]}"
}

# hand_shares_over DIRECTORY WORDS: every custodian accepts the appliance and its share, and the quorum contributes.
hand_shares_over() {
    local name hash
    hash=$(json_text manifest_hash <"$1/transcript.jsonl")
    for name in "${CUSTODIANS[@]}"; do
        custodian accept "$name" "$DIR/custody/manifests" --share "$1/shares/$name.age" --genesis "$hash" || return
    done
    for name in "${QUORUM[@]}"; do custodian contribute "$name" --request "$1/request" --words "$2" || return; done
}

# hold_genesis runs the whole ceremony; what everybody says goes to genesis.log. Afterwards nobody knows the token's PIN.
hold_genesis() {
    local id place words pid log=$DIR/genesis.log
    id=$(appliance ceremony draft --config "$DIR/config.yaml" --json "$DIR/genesis.yaml" 2>>"$log" | json_text id)
    [[ -n $id ]] || explain genesis "the plan of the genesis was refused"
    place=$DIR/custody/ceremonies/$id
    { sign_and_hand_in "$id" plan.json &&
        appliance ceremony run --config "$DIR/config.yaml" "$id" &&
        sign_and_hand_in "$id" manifest.json; } >>"$log" 2>&1 || explain genesis "the genesis failed"
    appliance ceremony resume --config "$DIR/config.yaml" "$id" >>"$log" 2>&1 &
    pid=$!
    # The words stand before the file's name: once that is there, the last words are the request's, not the plan's.
    until grep -q '^file .*/request$' "$log"; do
        kill -0 "$pid" 2>/dev/null || explain genesis "the genesis ended before the custodians could contribute"
        sleep 0.05
    done
    words=$(sed -n 's/^words  *//p' "$log" | tail -n 1)
    if ! { hand_shares_over "$place" "$words" && wait "$pid"; } >>"$log" 2>&1; then
        kill "$pid" 2>/dev/null || true
        explain genesis "the custodians could not hand their shares over"
    fi
    { sign_and_hand_in "$id" head.json && appliance ceremony verify "$place"; } >>"$log" 2>&1 ||
        explain genesis "the genesis was not sealed"
    rm -f "$DIR/pin" "$DIR/so-pin"
}

# request_shares asks the core for a request, whose words it leaves in run/activation.json.
request_shares() {
    rm -rf "$DIR/run/activation"
    appliance activate --config "$DIR/config.yaml" --write "$DIR/run/activation" --no-wait --json >"$DIR/run/activation.json"
}

# contribute NAME: a custodian checks the core's request and hands the share in.
contribute() {
    custodian contribute "$1" --socket "$DIR/run/admin.sock" --words "$(json_text words <"$DIR/run/activation.json")"
}

# activate_core: two custodians bring the core to life.
activate_core() {
    local name
    await core request_shares
    for name in "${QUORUM[@]}"; do
        contribute "$name" >>"$DIR/activation.log" 2>&1 || explain activation "$name's share was not taken"
    done
}

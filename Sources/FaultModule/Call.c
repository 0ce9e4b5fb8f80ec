#define _GNU_SOURCE
#include "Call.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "FaultModule.h"

CK_FUNCTION_LIST *fm_target;
pthread_mutex_t fm_lock = PTHREAD_MUTEX_INITIALIZER;

static const CK_SLOT_ID NO_SLOT = (CK_SLOT_ID)CK_UNAVAILABLE_INFORMATION;

static void pause_for(uint64_t nanoseconds) {
    struct timespec left = {(time_t)(nanoseconds / 1000000000), (long)(nanoseconds % 1000000000)};
    while (nanosleep(&left, &left) != 0) {}
}

// The label as the token has it now, without the blanks that pad it; asked for until the token is initialised.
static void learn_label(struct fm_token *token) {
    CK_TOKEN_INFO info;
    if (token->slot == NO_SLOT || token->label[0] != '\0') return;
    pthread_mutex_unlock(&fm_lock);
    CK_RV value = fm_target->C_GetTokenInfo(token->slot, &info);
    pthread_mutex_lock(&fm_lock);
    if (value != CKR_OK || (info.flags & CKF_TOKEN_INITIALIZED) == 0) return;
    size_t length = sizeof info.label;
    while (length > 0 && (info.label[length - 1] == ' ' || info.label[length - 1] == '\0')) length--;
    memcpy(token->label, info.label, length);
    token->label[length] = '\0';
}

// The label of the object that a call names; asked for only where the script goes by it.
static bool learn_object(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, char label[FM_LABEL]) {
    if (object == CK_INVALID_HANDLE || !fm_script_names_objects()) return false;
    CK_ATTRIBUTE attribute = {CKA_LABEL, label, FM_LABEL - 1};
    pthread_mutex_unlock(&fm_lock);
    CK_RV value = fm_target->C_GetAttributeValue(session, object, &attribute, 1);
    pthread_mutex_lock(&fm_lock);
    if (value != CKR_OK || attribute.ulValueLen >= FM_LABEL) return false;
    label[attribute.ulValueLen] = '\0';
    return true;
}

// Waits, with no lock held, until the rule is taken out of the script.
static void hang(uint64_t rule) {
    bool holds = true;
    while (holds) {
        pause_for(1000000);
        pthread_mutex_lock(&fm_lock);
        fm_script_refresh();
        holds = fm_script_holds(rule);
        pthread_mutex_unlock(&fm_lock);
    }
}

static void crash(enum fm_action action) {
    // What was counted so far is still to be read afterwards.
    (void)fault_module_write_tally();
    if (action == FM_ABORT) abort();
    // A real fault: after a handler that returns it happens again, where raise(3) would let the process go on.
    volatile int *nowhere = NULL;
    *nowhere = 0;
}

// Logs the token out and in again: handles of private objects die with the login (PKCS#11 v2.40 section 5.6).
static void forget_handles(struct fm_token *token) {
    pthread_mutex_lock(&fm_lock);
    CK_SESSION_HANDLE session = fm_any_session(token);
    pthread_mutex_unlock(&fm_lock);
    if (session == CK_INVALID_HANDLE || token->pin_length == 0) return;
    if (fm_target->C_Logout(session) == CKR_OK)
        (void)fm_target->C_Login(session, CKU_USER, token->pin, token->pin_length);
}

static void log_out(struct fm_token *token) {
    pthread_mutex_lock(&fm_lock);
    CK_SESSION_HANDLE session = fm_any_session(token);
    pthread_mutex_unlock(&fm_lock);
    if (session != CK_INVALID_HANDLE) (void)fm_target->C_Logout(session);
}

static void close_sessions(struct fm_token *token, uint64_t removed_by) {
    (void)fm_target->C_CloseAllSessions(token->slot);
    pthread_mutex_lock(&fm_lock);
    if (removed_by != 0) {
        fm_sessions_lost(token);
        token->removed_by = removed_by;
    } else {
        fm_sessions_closed(token);
    }
    pthread_mutex_unlock(&fm_lock);
}

// Changes the token behind its users' backs, once no call is inside it: the fault is to be ours, not a race of theirs.
static void disturb(const struct fm_call *call, const struct fm_step *step) {
    struct fm_token *token = call->token;
    if (token->slot == NO_SLOT) return;
    pthread_rwlock_wrlock(&token->calls);
    switch (step->action) {
    case FM_LOSE:
        if (call->session == CK_INVALID_HANDLE) break;
        (void)fm_target->C_CloseSession(call->session);
        pthread_mutex_lock(&fm_lock);
        fm_session_closed(call->session);
        pthread_mutex_unlock(&fm_lock);
        break;
    case FM_DROP: close_sessions(token, 0); break;
    case FM_REMOVE:
        if (token->removed_by == 0) close_sessions(token, step->rule);
        break;
    case FM_LOGOUT: log_out(token); break;
    case FM_FORGET: forget_handles(token); break;
    default: break;
    }
    pthread_rwlock_unlock(&token->calls);
}

// False when the call is not to be made.
static bool perform(struct fm_call *call, const struct fm_step *step) {
    static const struct fm_step lose = {.action = FM_LOSE};
    switch (step->action) {
    case FM_RETURN:
        call->answer = step->code;
        // Whoever is told that a session is gone will not close it: so it is gone.
        if (step->code == CKR_SESSION_HANDLE_INVALID || step->code == CKR_SESSION_CLOSED) disturb(call, &lose);
        return false;
    case FM_AFTER: call->after = step->code; break;
    case FM_DELAY: pause_for(step->pause); break;
    case FM_HANG: hang(step->rule); break;
    case FM_CORRUPT: call->corrupts = true; break;
    case FM_FLAGS: call->flags |= step->flags; break;
    case FM_ANOTHER: call->is_another = true; break;
    case FM_ABORT:
    case FM_SEGV: crash(step->action); break;
    default: disturb(call, step); break;
    }
    return true;
}

// Whether the token is away; what its users are told depends on what they hold of it.
static bool is_removed(struct fm_call *call, bool has_session) {
    struct fm_token *token = call->token;
    if (token->removed_by == 0) return false;
    if (fm_script_holds(token->removed_by)) {
        call->answer = has_session ? CKR_DEVICE_REMOVED : CKR_TOKEN_NOT_PRESENT;
        return true;
    }
    token->removed_by = 0;
    fm_sessions_closed(token);
    return false;
}

static bool begin(
    struct fm_call *call, int function, CK_SLOT_ID slot, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object) {
    struct fm_step steps[FM_STEPS];
    char name[FM_LABEL];
    *call = (struct fm_call){.function = function, .session = session, .answer = CKR_CRYPTOKI_NOT_INITIALIZED};
    if (fm_target == NULL && function != FM_INITIALISE) return false;
    pthread_mutex_lock(&fm_lock);
    fm_script_refresh();
    call->token = session == CK_INVALID_HANDLE ? fm_token_of_slot(slot) : fm_token_of_session(session);
    if (call->token == NULL) {
        call->answer = CKR_HOST_MEMORY;
        pthread_mutex_unlock(&fm_lock);
        return false;
    }
    learn_label(call->token);
    call->token->counts[function]++;
    bool is_named = learn_object(session, object, name);
    int count = fm_script_match(
        function, call->token->label[0] == '\0' ? NULL : call->token->label, is_named ? name : NULL, steps);
    pthread_mutex_unlock(&fm_lock);
    for (int index = 0; index < count; index++) {
        if (!perform(call, &steps[index])) return false;
    }
    pthread_rwlock_rdlock(&call->token->calls);
    pthread_mutex_lock(&fm_lock);
    bool removed = is_removed(call, session != CK_INVALID_HANDLE);
    pthread_mutex_unlock(&fm_lock);
    if (removed) pthread_rwlock_unlock(&call->token->calls);
    return !removed;
}

bool fm_begin(struct fm_call *call, int function, CK_SLOT_ID slot, CK_SESSION_HANDLE session) {
    return begin(call, function, slot, session, CK_INVALID_HANDLE);
}

bool fm_begin_with(struct fm_call *call, int function, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object) {
    return begin(call, function, NO_SLOT, session, object);
}

CK_RV fm_end(struct fm_call *call, CK_RV value) {
    pthread_rwlock_unlock(&call->token->calls);
    return value == CKR_OK ? call->after : value;
}

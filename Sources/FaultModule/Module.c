// A PKCS#11 library that stands in front of another one, passes every call through, and fails as a script says.
// docs/testing-hsm.md says how it is used.
#define _GNU_SOURCE
#include "Call.h"
#include "functions.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER(name) F_##name,
enum { FM_ALL(NUMBER) };
#undef NUMBER

static const CK_SLOT_ID NO_SLOT = (CK_SLOT_ID)CK_UNAVAILABLE_INFORMATION;
static CK_FUNCTION_LIST list;
// C_Initialize and C_Finalize one after the other.
static pthread_mutex_t life = PTHREAD_MUTEX_INITIALIZER;

// What the target does not have is not supported (PKCS#11 v2.40 section 3.6 wants a stub; not all libraries comply).
#define TARGET(name, arguments) \
    (fm_target->name == NULL ? CKR_FUNCTION_NOT_SUPPORTED : fm_target->name arguments)

#define PASS_SESSION(name, parameters, arguments) \
    static CK_RV fm_##name parameters { \
        struct fm_call call; \
        if (!fm_begin(&call, F_##name, NO_SLOT, s)) return call.answer; \
        return fm_end(&call, TARGET(name, arguments)); \
    }
FM_SESSION(PASS_SESSION)

#define PASS_OBJECT(name, parameters, arguments) \
    static CK_RV fm_##name parameters { \
        struct fm_call call; \
        if (!fm_begin_with(&call, F_##name, s, o)) return call.answer; \
        return fm_end(&call, TARGET(name, arguments)); \
    }
FM_OBJECT(PASS_OBJECT)

#define PASS_SLOT(name, parameters, arguments) \
    static CK_RV fm_##name parameters { \
        struct fm_call call; \
        if (!fm_begin(&call, F_##name, s, CK_INVALID_HANDLE)) return call.answer; \
        return fm_end(&call, TARGET(name, arguments)); \
    }
FM_SLOT(PASS_SLOT)

// Loads the module that FAULT_MODULE_TARGET names, for the life of the process; NULL, with a line, when it cannot be had.
static CK_FUNCTION_LIST *load(void) {
    static CK_FUNCTION_LIST *loaded;
    const char *path = fm_setting("FAULT_MODULE_TARGET");
    if (loaded != NULL) return loaded;
    void *library = path == NULL ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    CK_C_GetFunctionList get = NULL;
    if (library != NULL) *(void **)&get = dlsym(library, "C_GetFunctionList");
    if (get == NULL || get(&loaded) != CKR_OK || loaded == &list) {
        const char *problem = path == NULL ? "is not set" : library == NULL ? dlerror() : "is no other PKCS#11 module";
        fprintf(stderr, "fault module: FAULT_MODULE_TARGET: %s\n", problem);
        loaded = NULL;
    }
    return loaded;
}

static CK_RV initialise(void *arguments) {
    CK_FUNCTION_LIST *functions = load();
    if (functions == NULL) return CKR_GENERAL_ERROR;
    pthread_mutex_lock(&fm_lock);
    bool is_understood = fm_script_refresh();
    pthread_mutex_unlock(&fm_lock);
    if (!is_understood) return CKR_ARGUMENTS_BAD;
    CK_RV value = functions->C_Initialize(arguments);
    if (value != CKR_OK) return value;
    fm_target = functions;
    fm_tally_start();
    return CKR_OK;
}

static CK_RV fm_C_Initialize(void *arguments) {
    struct fm_call call;
    pthread_mutex_lock(&life);
    CK_RV value;
    if (fm_begin(&call, F_C_Initialize, NO_SLOT, CK_INVALID_HANDLE))
        value = fm_end(&call, fm_target == NULL ? initialise(arguments) : TARGET(C_Initialize, (arguments)));
    else
        value = call.answer;
    pthread_mutex_unlock(&life);
    return value;
}

static CK_RV fm_C_Finalize(void *reserved) {
    struct fm_call call;
    pthread_mutex_lock(&life);
    CK_RV value = CKR_CRYPTOKI_NOT_INITIALIZED;
    if (fm_begin(&call, F_C_Finalize, NO_SLOT, CK_INVALID_HANDLE)) {
        value = fm_end(&call, TARGET(C_Finalize, (reserved)));
        if (value == CKR_OK) {
            fm_tally_stop();
            pthread_mutex_lock(&fm_lock);
            fm_target = NULL;
            fm_tokens_reset();
            fm_script_clear();
            pthread_mutex_unlock(&fm_lock);
        }
    } else {
        value = call.answer;
    }
    pthread_mutex_unlock(&life);
    return value;
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **functions) {
    if (functions == NULL) return CKR_ARGUMENTS_BAD;
    *functions = &list;
    return CKR_OK;
}

static CK_RV fm_C_GetFunctionList(CK_FUNCTION_LIST **functions) { return C_GetFunctionList(functions); }

static CK_RV fm_C_GetInfo(CK_INFO *info) {
    struct fm_call call;
    if (!fm_begin(&call, F_C_GetInfo, NO_SLOT, CK_INVALID_HANDLE)) return call.answer;
    return fm_end(&call, TARGET(C_GetInfo, (info)));
}

static CK_RV fm_C_WaitForSlotEvent(CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved) {
    struct fm_call call;
    if (!fm_begin(&call, F_C_WaitForSlotEvent, NO_SLOT, CK_INVALID_HANDLE)) return call.answer;
    return fm_end(&call, TARGET(C_WaitForSlotEvent, (flags, slot, reserved)));
}

static bool is_away(CK_SLOT_ID slot) {
    pthread_mutex_lock(&fm_lock);
    const struct fm_token *token = fm_token_of_slot(slot);
    bool is_away = token != NULL && token->removed_by != 0 && fm_script_holds(token->removed_by);
    pthread_mutex_unlock(&fm_lock);
    return is_away;
}

// Slots whose token is away are no slots with a token present.
static CK_RV fm_C_GetSlotList(CK_BYTE present, CK_SLOT_ID *slots, CK_ULONG *count) {
    struct fm_call call;
    if (!fm_begin(&call, F_C_GetSlotList, NO_SLOT, CK_INVALID_HANDLE)) return call.answer;
    CK_RV value = TARGET(C_GetSlotList, (present, slots, count));
    if (value == CKR_OK && slots != NULL && present) {
        CK_ULONG kept = 0;
        for (CK_ULONG index = 0; index < *count; index++) {
            if (!is_away(slots[index])) slots[kept++] = slots[index];
        }
        *count = kept;
    }
    return fm_end(&call, value);
}

static CK_RV fm_C_GetSlotInfo(CK_SLOT_ID slot, CK_SLOT_INFO *info) {
    struct fm_call call;
    bool began = fm_begin(&call, F_C_GetSlotInfo, slot, CK_INVALID_HANDLE);
    // A slot outlives its token.
    if (!began && is_away(slot)) began = fm_begin(&call, F_C_GetSlotInfo, NO_SLOT, CK_INVALID_HANDLE);
    if (!began) return call.answer;
    CK_RV value = TARGET(C_GetSlotInfo, (slot, info));
    if (value == CKR_OK && is_away(slot)) info->flags &= ~(CK_FLAGS)CKF_TOKEN_PRESENT;
    return fm_end(&call, value);
}

static CK_RV fm_C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info) {
    struct fm_call call;
    if (!fm_begin(&call, F_C_GetTokenInfo, slot, CK_INVALID_HANDLE)) return call.answer;
    CK_RV value = TARGET(C_GetTokenInfo, (slot, info));
    if (value == CKR_OK) info->flags |= call.flags;
    if (value == CKR_OK && call.is_another) memcpy(info->serialNumber, "another-token   ", sizeof info->serialNumber);
    return fm_end(&call, value);
}

static CK_RV fm_C_InitToken(CK_SLOT_ID slot, CK_BYTE *pin, CK_ULONG length, CK_BYTE *label) {
    struct fm_call call;
    if (!fm_begin(&call, F_C_InitToken, slot, CK_INVALID_HANDLE)) return call.answer;
    CK_RV value = TARGET(C_InitToken, (slot, pin, length, label));
    pthread_mutex_lock(&fm_lock);
    call.token->label[0] = '\0';
    pthread_mutex_unlock(&fm_lock);
    return fm_end(&call, value);
}

static CK_RV fm_C_OpenSession(
    CK_SLOT_ID slot, CK_FLAGS flags, void *context, CK_NOTIFY notify, CK_SESSION_HANDLE *session) {
    struct fm_call call;
    if (!fm_begin(&call, F_C_OpenSession, slot, CK_INVALID_HANDLE)) return call.answer;
    CK_RV value = TARGET(C_OpenSession, (slot, flags, context, notify, session));
    if (value == CKR_OK) {
        pthread_mutex_lock(&fm_lock);
        fm_session_opened(*session, call.token);
        pthread_mutex_unlock(&fm_lock);
    }
    return fm_end(&call, value);
}

static CK_RV fm_C_CloseSession(CK_SESSION_HANDLE session) {
    struct fm_call call;
    if (!fm_begin(&call, F_C_CloseSession, NO_SLOT, session)) return call.answer;
    CK_RV value = TARGET(C_CloseSession, (session));
    if (value == CKR_OK) {
        pthread_mutex_lock(&fm_lock);
        fm_session_closed(session);
        pthread_mutex_unlock(&fm_lock);
    }
    return fm_end(&call, value);
}

static CK_RV fm_C_CloseAllSessions(CK_SLOT_ID slot) {
    struct fm_call call;
    if (!fm_begin(&call, F_C_CloseAllSessions, slot, CK_INVALID_HANDLE)) return call.answer;
    CK_RV value = TARGET(C_CloseAllSessions, (slot));
    if (value == CKR_OK) {
        pthread_mutex_lock(&fm_lock);
        fm_sessions_closed(call.token);
        pthread_mutex_unlock(&fm_lock);
    }
    return fm_end(&call, value);
}

static CK_RV fm_C_Login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_BYTE *pin, CK_ULONG length) {
    struct fm_call call;
    if (!fm_begin(&call, F_C_Login, NO_SLOT, session)) return call.answer;
    CK_RV value = TARGET(C_Login, (session, user, pin, length));
    if (value == CKR_OK && user == CKU_USER && pin != NULL && length <= sizeof call.token->pin) {
        pthread_mutex_lock(&fm_lock);
        memcpy(call.token->pin, pin, length);
        call.token->pin_length = length;
        pthread_mutex_unlock(&fm_lock);
    }
    return fm_end(&call, value);
}

static CK_RV fm_C_Logout(CK_SESSION_HANDLE session) {
    struct fm_call call;
    if (!fm_begin(&call, F_C_Logout, NO_SLOT, session)) return call.answer;
    CK_RV value = TARGET(C_Logout, (session));
    if (value == CKR_OK) {
        pthread_mutex_lock(&fm_lock);
        explicit_bzero(call.token->pin, sizeof call.token->pin);
        call.token->pin_length = 0;
        pthread_mutex_unlock(&fm_lock);
    }
    return fm_end(&call, value);
}

static void corrupt(const struct fm_call *call, CK_RV value, CK_BYTE *bytes, const CK_ULONG *length) {
    if (call->corrupts && value == CKR_OK && bytes != NULL && *length > 0) bytes[*length / 2] ^= 1;
}

static CK_RV fm_C_Sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG count, CK_BYTE *signature, CK_ULONG *length) {
    struct fm_call call;
    if (!fm_begin(&call, F_C_Sign, NO_SLOT, session)) return call.answer;
    CK_RV value = TARGET(C_Sign, (session, data, count, signature, length));
    corrupt(&call, value, signature, length);
    return fm_end(&call, value);
}

static CK_RV fm_C_SignFinal(CK_SESSION_HANDLE session, CK_BYTE *signature, CK_ULONG *length) {
    struct fm_call call;
    if (!fm_begin(&call, F_C_SignFinal, NO_SLOT, session)) return call.answer;
    CK_RV value = TARGET(C_SignFinal, (session, signature, length));
    corrupt(&call, value, signature, length);
    return fm_end(&call, value);
}

#define ENTRY(name) .name = fm_##name,
static CK_FUNCTION_LIST list = {.version = {2, 40}, FM_ALL(ENTRY)};

// What the module knows of the target's tokens and sessions, and what it counted.
#ifndef FM_TOKENS_H
#define FM_TOKENS_H

#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

// Only what PKCS#11 and FaultModule.h name is seen from outside.
#pragma GCC visibility push(hidden)

enum { FM_FUNCTIONS = 68, FM_TOKENS = 1024 };

struct fm_token {
    CK_SLOT_ID slot;
    char label[33];             // empty for what concerns no token, or one that is not initialised
    // Held for reading by every call, and for writing by what changes the token behind the callers' backs.
    pthread_rwlock_t calls;
    uint64_t removed_by;        // the rule that took the token away; 0 while it is there
    CK_BYTE pin[256];           // the user's, while logged in: handles are made to die by logging out and in
    CK_ULONG pin_length;
    uint64_t counts[FM_FUNCTIONS];
    uint64_t open, opened, most;
};

// All functions below are called with the module's lock held. Tokens are never freed.

// The record of a slot; NULL when there are too many. `slot` CK_UNAVAILABLE_INFORMATION is for what has no token.
struct fm_token *fm_token_of_slot(CK_SLOT_ID slot);
struct fm_token *fm_token_at(int index);

// The record of a session's token; of no token when the session is not known.
struct fm_token *fm_token_of_session(CK_SESSION_HANDLE session);

void fm_session_opened(CK_SESSION_HANDLE session, struct fm_token *token);
void fm_session_closed(CK_SESSION_HANDLE session);

// A session of the token that is open; CK_INVALID_HANDLE when there is none.
CK_SESSION_HANDLE fm_any_session(const struct fm_token *token);

// The token's sessions are closed, but those that use them are told that the device was removed.
void fm_sessions_lost(struct fm_token *token);
void fm_sessions_closed(struct fm_token *token);

// Forgets sessions, labels and PINs, as C_Finalize does; the counts stay.
void fm_tokens_reset(void);

#pragma GCC visibility pop

#endif

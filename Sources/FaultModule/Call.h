// What happens around one call: who it is for, what the script wants, and the way to the target.
#ifndef FM_CALL_H
#define FM_CALL_H

#include "Script.h"
#include "Tokens.h"

// Only what PKCS#11 and FaultModule.h name is seen from outside.
#pragma GCC visibility push(hidden)

// C_Initialize comes first in the list, and alone may be called while there is no target.
enum { FM_INITIALISE = 0 };

struct fm_call {
    int function;
    struct fm_token *token;
    CK_SESSION_HANDLE session;  // CK_INVALID_HANDLE where the function takes none
    CK_RV answer;               // when the call is not made
    CK_RV after;                // instead of CKR_OK; CKR_OK for none
    CK_FLAGS flags;
    bool corrupts;
    bool is_another;            // C_GetTokenInfo shows another serial number
};

// The functions of the module behind this one; NULL before C_Initialize.
extern CK_FUNCTION_LIST *fm_target;
// Guards script, tokens, sessions and counts; never held while the target is called.
extern pthread_mutex_t fm_lock;

// Does what the script wants before the call. False when the call is not to be made: `answer` is the answer.
//
// When true, the token's calls are held until fm_end.
bool fm_begin(struct fm_call *call, int function, CK_SLOT_ID slot, CK_SESSION_HANDLE session);

// The same for a call that names an object.
bool fm_begin_with(struct fm_call *call, int function, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object);

// Ends a call that was made, and returns what the caller is told.
CK_RV fm_end(struct fm_call *call, CK_RV value);

// What a variable says for this copy of the library: the file beside it that has its name and ".env" speaks before the
// environment, so that one process may have several copies. NULL where neither says anything.
const char *fm_setting(const char *name);

// Writes the tally again from time to time, while it changes; started and stopped with the module.
void fm_tally_start(void);
void fm_tally_stop(void);

#pragma GCC visibility pop

#endif

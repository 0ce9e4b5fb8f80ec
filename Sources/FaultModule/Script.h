// The script: one rule a line, read again whenever the file changes.
#ifndef FM_SCRIPT_H
#define FM_SCRIPT_H

#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stdint.h>

// Only what PKCS#11 and FaultModule.h name is seen from outside.
#pragma GCC visibility push(hidden)

// What a rule does with the calls it fires on.
enum fm_action {
    FM_RETURN,      // the call is not made; `code` is returned
    FM_AFTER,       // the call is made; `code` is returned although it went well
    FM_DELAY,       // a pause of `least` to `most` nanoseconds before the call
    FM_HANG,        // the call waits until the rule is taken out of the script
    FM_CORRUPT,     // one bit of what the call gave out is turned over
    FM_LOSE,        // the session of the call is closed first
    FM_DROP,        // all sessions of the token are closed first
    FM_LOGOUT,      // the token is logged out first
    FM_FORGET,      // handles of private objects die first, the login stays
    FM_REMOVE,      // the token is away until the rule is taken out of the script
    FM_FLAGS,       // C_GetTokenInfo shows `flags` as well
    FM_ANOTHER,     // C_GetTokenInfo shows another serial number
    FM_ABORT,       // the process ends by SIGABRT
    FM_SEGV,        // the process ends by SIGSEGV
};

// What one call has to suffer, in the order of the script.
struct fm_step {
    enum fm_action action;
    uint64_t rule;      // the rule it comes from; still in the script?
    CK_RV code;
    CK_FLAGS flags;
    uint64_t pause;     // nanoseconds
};

// More steps than a call can use, and room for a label of a token or an object.
enum { FM_STEPS = 16, FM_LABEL = 65 };

// All functions below are called with the module's lock held, `fm_script_broken` excepted.

// Reads the script if it changed. False, with a line on standard error, when it cannot be understood: the rules that
// were in force stay.
bool fm_script_refresh(void);

// Whether the script as it was last read could not be understood.
bool fm_script_is_broken(void);

// Whether a rule goes by the label of the object that a call names.
bool fm_script_names_objects(void);

// Counts the call against every rule it matches, and fills in the steps of those that fire; returns how many.
//
// `label` is the token's, `object` that of the object the call names; NULL where it is not known or there is none.
int fm_script_match(int function, const char *label, const char *object, struct fm_step steps[FM_STEPS]);

// Whether a rule is still in the script.
bool fm_script_holds(uint64_t rule);

// Writes how often each rule fired, a line each.
void fm_script_tally(int (*print)(void *context, const char *line), void *context);

// Forgets all rules; the next refresh reads the file again.
void fm_script_clear(void);

// The number of a function by its name, and its name by its number; -1 and NULL where there is none.
int fm_function(const char *name, size_t length);
const char *fm_function_name(int function);

// The value of CKR_NAME, or of a number in decimal or hexadecimal; false where it is neither.
bool fm_code(const char *text, CK_RV *code);

#pragma GCC visibility pop

#endif

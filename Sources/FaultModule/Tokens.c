#define _GNU_SOURCE
#include "Tokens.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct session {
    CK_SESSION_HANDLE handle;
    struct fm_token *token;
    bool is_lost;               // closed with its token, which was removed
};

static struct fm_token *tokens[FM_TOKENS];
static int token_count;
static struct session *sessions;
static size_t session_count, session_room;

struct fm_token *fm_token_at(int index) { return index < token_count ? tokens[index] : NULL; }

// Memory for a token, which may hold a PIN: locked where the process may, never dumped, empty in a forked child. So what
// tests look for in the memory of whoever uses this module is not found here.
static struct fm_token *kept_memory(void) {
    size_t size = sizeof(struct fm_token);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return NULL;
    (void)mlock(memory, size);
    (void)madvise(memory, size, MADV_DONTDUMP);
    (void)madvise(memory, size, MADV_WIPEONFORK);
    return memory;
}

struct fm_token *fm_token_of_slot(CK_SLOT_ID slot) {
    for (int index = 0; index < token_count; index++) {
        if (tokens[index]->slot == slot) return tokens[index];
    }
    struct fm_token *token = token_count < FM_TOKENS ? kept_memory() : NULL;
    if (token == NULL) return NULL;
    pthread_rwlockattr_t attributes;
    pthread_rwlockattr_init(&attributes);
    // What changes a token must get its turn however many calls come.
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&token->calls, &attributes);
    pthread_rwlockattr_destroy(&attributes);
    token->slot = slot;
    tokens[token_count++] = token;
    return token;
}

static struct session *find(CK_SESSION_HANDLE handle) {
    for (size_t index = 0; index < session_count; index++) {
        if (sessions[index].handle == handle) return &sessions[index];
    }
    return NULL;
}

struct fm_token *fm_token_of_session(CK_SESSION_HANDLE handle) {
    struct session *session = find(handle);
    return session == NULL ? fm_token_of_slot(CK_UNAVAILABLE_INFORMATION) : session->token;
}

void fm_session_opened(CK_SESSION_HANDLE handle, struct fm_token *token) {
    // A number that is used again is a new session.
    fm_session_closed(handle);
    if (session_count == session_room) {
        size_t room = session_room == 0 ? 64 : session_room * 2;
        struct session *grown = realloc(sessions, room * sizeof *grown);
        if (grown == NULL) return;
        sessions = grown;
        session_room = room;
    }
    sessions[session_count++] = (struct session){handle, token, false};
    token->opened++;
    if (++token->open > token->most) token->most = token->open;
}

static void close_at(size_t index) {
    if (!sessions[index].is_lost) sessions[index].token->open--;
    sessions[index] = sessions[--session_count];
}

void fm_session_closed(CK_SESSION_HANDLE handle) {
    struct session *session = find(handle);
    if (session != NULL) close_at((size_t)(session - sessions));
}

CK_SESSION_HANDLE fm_any_session(const struct fm_token *token) {
    for (size_t index = 0; index < session_count; index++) {
        if (sessions[index].token == token && !sessions[index].is_lost) return sessions[index].handle;
    }
    return CK_INVALID_HANDLE;
}

void fm_sessions_lost(struct fm_token *token) {
    for (size_t index = 0; index < session_count; index++) {
        if (sessions[index].token == token) sessions[index].is_lost = true;
    }
    token->open = 0;
}

void fm_sessions_closed(struct fm_token *token) {
    for (size_t index = session_count; index > 0; index--) {
        if (sessions[index - 1].token == token) close_at(index - 1);
    }
}

void fm_tokens_reset(void) {
    session_count = 0;
    for (int index = 0; index < token_count; index++) {
        struct fm_token *token = tokens[index];
        explicit_bzero(token->pin, sizeof token->pin);
        token->pin_length = token->open = token->removed_by = 0;
        token->label[0] = '\0';
    }
}

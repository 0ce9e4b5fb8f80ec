#define _GNU_SOURCE
#include "Call.h"
#include "FaultModule.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static pthread_t writer;
static bool is_writing;
static pthread_mutex_t writer_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t writer_ends = PTHREAD_COND_INITIALIZER;
// One file at a time: the crash of one thread and the writer would share a temporary name.
static pthread_mutex_t file_lock = PTHREAD_MUTEX_INITIALIZER;

static int print_line(void *file, const char *line) { return fputs(line, file); }

// "calls COUNT FUNCTION TOKEN", "sessions OPEN OPENED MOST TOKEN", "fired COUNT RULE"; the token "-" is none.
static void print(FILE *file) {
    const struct fm_token *token;
    for (int index = 0; (token = fm_token_at(index)) != NULL; index++) {
        const char *label = token->label[0] == '\0' ? "-" : token->label;
        for (int function = 0; function < FM_FUNCTIONS; function++) {
            if (token->counts[function] == 0) continue;
            fprintf(file, "calls %llu %s %s\n", (unsigned long long)token->counts[function],
                fm_function_name(function), label);
        }
        if (token->opened == 0) continue;
        fprintf(file, "sessions %llu %llu %llu %s\n", (unsigned long long)token->open,
            (unsigned long long)token->opened, (unsigned long long)token->most, label);
    }
    fm_script_tally(print_line, file);
}

static int write_file(const char *path) {
    char temporary[4096];
    if (snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary) return -1;
    FILE *file = fopen(temporary, "we");
    if (file == NULL) return -1;
    pthread_mutex_lock(&fm_lock);
    fm_script_refresh();
    print(file);
    pthread_mutex_unlock(&fm_lock);
    if (fclose(file) != 0) return -1;
    return rename(temporary, path);
}

__attribute__((visibility("default"))) int fault_module_write_tally(void) {
    const char *path = fm_setting("FAULT_MODULE_TALLY");
    if (path == NULL) return -1;
    pthread_mutex_lock(&file_lock);
    int status = write_file(path);
    pthread_mutex_unlock(&file_lock);
    return status;
}

static void *write_now_and_then(void *unused) {
    pthread_mutex_lock(&writer_lock);
    while (is_writing) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 50000000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_nsec -= 1000000000;
            until.tv_sec++;
        }
        pthread_cond_timedwait(&writer_ends, &writer_lock, &until);
        pthread_mutex_unlock(&writer_lock);
        (void)fault_module_write_tally();
        pthread_mutex_lock(&writer_lock);
    }
    pthread_mutex_unlock(&writer_lock);
    return unused;
}

void fm_tally_start(void) {
    if (fm_setting("FAULT_MODULE_TALLY") == NULL) return;
    pthread_mutex_lock(&writer_lock);
    if (!is_writing) is_writing = pthread_create(&writer, NULL, write_now_and_then, NULL) == 0;
    pthread_mutex_unlock(&writer_lock);
}

void fm_tally_stop(void) {
    pthread_mutex_lock(&writer_lock);
    bool was_writing = is_writing;
    is_writing = false;
    pthread_cond_signal(&writer_ends);
    pthread_mutex_unlock(&writer_lock);
    if (was_writing) pthread_join(writer, NULL);
}

// A process that ends without C_Finalize leaves its last counts as well.
__attribute__((destructor)) static void write_last(void) { (void)fault_module_write_tally(); }

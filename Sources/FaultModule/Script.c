#define _GNU_SOURCE
#include "Call.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FUNCTIONS = 68, MOST_RULES = 4096, LONGEST_LINE = 512 };

struct rule {
    char line[LONGEST_LINE];        // as it stands in the script: a rule whose line stays goes on counting
    uint64_t id;
    bool functions[FUNCTIONS];
    char label[FM_LABEL];           // of the token; empty for any
    char object[FM_LABEL];          // the object's; empty for any call
    uint64_t first, last, every;    // calls it fires on, counted from 1; `every` 0 is every call in the range
    double chance;
    uint64_t random;
    enum fm_action action;
    CK_RV code;
    CK_FLAGS flags;
    uint64_t least, most;
    uint64_t calls, fired;
};

static struct rule *rules;
static size_t rule_count;
static uint64_t next_id = 1;
static bool is_broken;
static struct stat seen;
static bool was_there;

// xorshift64*: seeded by the script, so that a run can be had again.
static uint64_t random_number(struct rule *rule) {
    rule->random ^= rule->random >> 12;
    rule->random ^= rule->random << 25;
    rule->random ^= rule->random >> 27;
    return rule->random * 0x2545f4914f6cdd1dULL;
}

static double random_fraction(struct rule *rule) { return (double)(random_number(rule) >> 11) / 9007199254740992.0; }

static bool parse_number(const char *text, uint64_t *number, const char **rest) {
    if (*text < '0' || *text > '9') return false;
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    *rest = end;
    return errno == 0;
}

// 75ms, 2s, 500us, 10ns.
static bool parse_time(const char *text, uint64_t *nanoseconds, const char **rest) {
    static const struct { const char *unit; uint64_t factor; } units[] = {
        {"ms", 1000000}, {"us", 1000}, {"ns", 1}, {"s", 1000000000}};
    uint64_t number;
    if (!parse_number(text, &number, rest) || number > 1000000) return false;
    for (size_t index = 0; index < sizeof units / sizeof units[0]; index++) {
        size_t length = strlen(units[index].unit);
        if (strncmp(*rest, units[index].unit, length) == 0) {
            *rest += length;
            *nanoseconds = number * units[index].factor;
            return true;
        }
    }
    return false;
}

// C_Sign, C_Sign*, or *; several with commas in between.
static bool parse_functions(struct rule *rule, char *text) {
    char *rest = NULL;
    for (char *name = strtok_r(text, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest)) {
        size_t length = strlen(name);
        if (length > 0 && name[length - 1] != '*') {
            int function = fm_function(name, length);
            if (function < 0) return false;
            rule->functions[function] = true;
            continue;
        }
        bool found = false;
        for (int function = 0; function < FUNCTIONS; function++) {
            if (strncmp(fm_function_name(function), name, length - 1) != 0) continue;
            found = rule->functions[function] = true;
        }
        if (!found) return false;
    }
    return true;
}

// A label as in a PKCS#11 URI: %20 is a blank.
static bool parse_label(char *label, const char *text) {
    size_t length = 0;
    while (*text != '\0') {
        if (length == FM_LABEL - 1) return false;
        unsigned byte = (unsigned char)*text++;
        if (byte == '%') {
            if (sscanf(text, "%2x", &byte) != 1 || text[0] == '\0' || text[1] == '\0') return false;
            text += 2;
        }
        label[length++] = (char)byte;
    }
    return length > 0;
}

// call=3, call=3-9, call=3-: counted from when the rule came into force.
static bool parse_calls(struct rule *rule, const char *text) {
    const char *rest;
    if (!parse_number(text, &rule->first, &rest) || rule->first == 0) return false;
    rule->last = rule->first;
    if (*rest != '-') return *rest == '\0';
    rule->last = UINT64_MAX;
    if (*++rest == '\0') return true;
    return parse_number(rest, &rule->last, &rest) && *rest == '\0' && rule->last >= rule->first;
}

static bool parse_condition(struct rule *rule, const char *name, const char *value) {
    const char *rest;
    if (strcmp(name, "token") == 0) return parse_label(rule->label, value);
    if (strcmp(name, "object") == 0) return parse_label(rule->object, value);
    if (strcmp(name, "call") == 0) return parse_calls(rule, value);
    if (strcmp(name, "every") == 0) return parse_number(value, &rule->every, &rest) && *rest == '\0' && rule->every > 0;
    if (strcmp(name, "seed") == 0) {
        if (!parse_number(value, &rule->random, &rest) || *rest != '\0') return false;
        // A state of zero would stay zero.
        rule->random = rule->random * 2 + 1;
        for (int round = 0; round < 8; round++) (void)random_number(rule);
        return true;
    }
    if (strcmp(name, "chance") == 0) {
        char *end;
        rule->chance = strtod(value, &end);
        return end != value && *end == '\0' && rule->chance >= 0 && rule->chance <= 1;
    }
    return false;
}

static bool parse_delay(struct rule *rule, const char *text) {
    const char *rest;
    if (text == NULL || !parse_time(text, &rule->least, &rest)) return false;
    rule->most = rule->least;
    if (*rest == '-' && !parse_time(rest + 1, &rule->most, &rest)) return false;
    return *rest == '\0' && rule->most >= rule->least;
}

static bool parse_flags(struct rule *rule, const char *text) {
    static const struct { const char *name; CK_FLAGS flags; } known[] = {
        {"count-low", CKF_USER_PIN_COUNT_LOW}, {"final-try", CKF_USER_PIN_FINAL_TRY},
        {"locked", CKF_USER_PIN_LOCKED}};
    for (size_t index = 0; text != NULL && index < sizeof known / sizeof known[0]; index++) {
        if (strcmp(known[index].name, text) == 0) rule->flags = known[index].flags;
    }
    return rule->flags != 0;
}

static bool parse_action(struct rule *rule, const char *name, const char *argument) {
    static const struct { const char *name; enum fm_action action; } plain[] = {
        {"hang", FM_HANG}, {"corrupt", FM_CORRUPT}, {"lose-session", FM_LOSE}, {"drop-sessions", FM_DROP},
        {"logout", FM_LOGOUT}, {"forget-handles", FM_FORGET}, {"remove", FM_REMOVE},
        {"another-token", FM_ANOTHER}, {"abort", FM_ABORT}, {"segv", FM_SEGV}};
    for (size_t index = 0; index < sizeof plain / sizeof plain[0]; index++) {
        if (strcmp(plain[index].name, name) != 0) continue;
        rule->action = plain[index].action;
        return argument == NULL;
    }
    if (strcmp(name, "unsupported") == 0) {
        rule->action = FM_RETURN;
        rule->code = CKR_FUNCTION_NOT_SUPPORTED;
        return argument == NULL;
    }
    rule->action = strcmp(name, "return") == 0 ? FM_RETURN : FM_AFTER;
    if (strcmp(name, "return") == 0 || strcmp(name, "after") == 0)
        return argument != NULL && fm_code(argument, &rule->code);
    rule->action = strcmp(name, "delay") == 0 ? FM_DELAY : FM_FLAGS;
    if (rule->action == FM_DELAY) return parse_delay(rule, argument);
    return strcmp(name, "flags") == 0 && parse_flags(rule, argument);
}

// FUNCTIONS [CONDITION=VALUE]... ACTION [ARGUMENT] [# COMMENT]
static const char *parse_rule(struct rule *rule, const char *line) {
    char text[LONGEST_LINE], *rest = NULL;
    strcpy(rule->line, line);
    strcpy(text, line);
    text[strcspn(text, "#")] = '\0';
    rule->last = UINT64_MAX;
    rule->first = 1;
    rule->chance = 1;
    rule->random = 0x9e3779b97f4a7c15ULL;
    char *word = strtok_r(text, " \t", &rest);
    if (word == NULL || !parse_functions(rule, word)) return "no such function";
    for (word = strtok_r(NULL, " \t", &rest); word != NULL; word = strtok_r(NULL, " \t", &rest)) {
        char *equals = strchr(word, '=');
        if (equals == NULL) break;
        *equals = '\0';
        if (!parse_condition(rule, word, equals + 1)) return "a condition is not understood";
    }
    if (word == NULL) return "there is no action";
    char *argument = strtok_r(NULL, " \t", &rest);
    if (!parse_action(rule, word, argument)) return "the action is not understood";
    return strtok_r(NULL, " \t", &rest) == NULL ? NULL : "there is more than one action";
}

// Rules whose line was there before go on counting where they were.
static void take_over(struct rule *rule, bool *taken) {
    for (size_t index = 0; index < rule_count; index++) {
        if (taken[index] || strcmp(rules[index].line, rule->line) != 0) continue;
        taken[index] = true;
        rule->id = rules[index].id;
        rule->random = rules[index].random;
        rule->calls = rules[index].calls;
        rule->fired = rules[index].fired;
        return;
    }
    rule->id = next_id++;
}

static bool complain(const char *path, int line, const char *problem) {
    fprintf(stderr, "fault module: %s:%d: %s; the rules before stay in force\n", path, line, problem);
    return false;
}

static bool read_rules(FILE *file, const char *path) {
    bool *taken = calloc(rule_count + 1, sizeof *taken);
    struct rule *fresh = NULL;
    size_t count = 0;
    char line[LONGEST_LINE + 2];
    const char *problem = taken == NULL ? "out of memory" : NULL;
    int number = 0;
    while (problem == NULL && fgets(line, sizeof line, file) != NULL) {
        number++;
        if (strlen(line) > LONGEST_LINE - 1) problem = "the line is too long";
        line[strcspn(line, "\r\n")] = '\0';
        const char *start = line + strspn(line, " \t");
        if (problem != NULL || *start == '\0' || *start == '#') continue;
        struct rule *grown = count < MOST_RULES ? realloc(fresh, (count + 1) * sizeof *fresh) : NULL;
        if (grown == NULL) {
            problem = "there are too many rules";
            break;
        }
        fresh = grown;
        memset(&fresh[count], 0, sizeof *fresh);
        problem = parse_rule(&fresh[count], start);
        if (problem == NULL) take_over(&fresh[count++], taken);
    }
    free(taken);
    if (problem != NULL) {
        free(fresh);
        return complain(path, number, problem);
    }
    free(rules);
    rules = fresh;
    rule_count = count;
    return true;
}

static bool is_unchanged(const struct stat *now) {
    return was_there && now->st_ino == seen.st_ino && now->st_size == seen.st_size
        && now->st_mtim.tv_sec == seen.st_mtim.tv_sec && now->st_mtim.tv_nsec == seen.st_mtim.tv_nsec;
}

bool fm_script_refresh(void) {
    const char *path = fm_setting("FAULT_MODULE_SCRIPT");
    struct stat now;
    if (path == NULL || stat(path, &now) != 0) {
        // No script, no faults.
        if (was_there) fm_script_clear();
        return true;
    }
    if (is_unchanged(&now)) return !is_broken;
    FILE *file = fopen(path, "re");
    if (file == NULL) return !(is_broken = true);
    // The file that was opened is the one that counts: another may have taken its place meanwhile.
    if (fstat(fileno(file), &now) == 0) {
        seen = now;
        was_there = true;
    }
    is_broken = !read_rules(file, path);
    fclose(file);
    return !is_broken;
}

bool fm_script_is_broken(void) { return is_broken; }

static bool fires(struct rule *rule) {
    rule->calls++;
    if (rule->calls < rule->first || rule->calls > rule->last) return false;
    if (rule->every > 0 && rule->calls % rule->every != 0) return false;
    return rule->chance >= 1 || random_fraction(rule) < rule->chance;
}

// Whether a rule's label, if it has one, is this one.
static bool fits(const char *wanted, const char *label) {
    return wanted[0] == '\0' || (label != NULL && strcmp(wanted, label) == 0);
}

bool fm_script_names_objects(void) {
    for (size_t index = 0; index < rule_count; index++) {
        if (rules[index].object[0] != '\0') return true;
    }
    return false;
}

int fm_script_match(int function, const char *label, const char *object, struct fm_step steps[FM_STEPS]) {
    int count = 0;
    for (size_t index = 0; index < rule_count; index++) {
        struct rule *rule = &rules[index];
        if (!rule->functions[function]) continue;
        if (!fits(rule->label, label) || !fits(rule->object, object)) continue;
        if (!fires(rule) || count == FM_STEPS) continue;
        rule->fired++;
        uint64_t spread = rule->most - rule->least;
        uint64_t pause = rule->least + (spread == 0 ? 0 : (uint64_t)(random_fraction(rule) * (double)spread));
        steps[count++] = (struct fm_step){rule->action, rule->id, rule->code, rule->flags, pause};
    }
    return count;
}

bool fm_script_holds(uint64_t rule) {
    for (size_t index = 0; index < rule_count; index++) {
        if (rules[index].id == rule) return true;
    }
    return false;
}

void fm_script_tally(int (*print)(void *context, const char *line), void *context) {
    char line[LONGEST_LINE + 32];
    for (size_t index = 0; index < rule_count; index++) {
        snprintf(line, sizeof line, "fired %llu %s\n", (unsigned long long)rules[index].fired, rules[index].line);
        print(context, line);
    }
}

void fm_script_clear(void) {
    free(rules);
    rules = NULL;
    rule_count = 0;
    was_there = is_broken = false;
}

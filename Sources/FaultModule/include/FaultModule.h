// What the fault module exports beside C_GetFunctionList. For testers: docs/testing-hsm.md.
#ifndef FAULT_MODULE_H
#define FAULT_MODULE_H

/// Writes the tally to the file that FAULT_MODULE_TALLY names, now; 0, or -1 when it names none or cannot be written.
int fault_module_write_tally(void);

#endif

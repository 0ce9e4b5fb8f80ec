// PKCS#11 2.40 as p11-kit declares it. Macros whose text the Swift importer need not understand (shifts, casts, ORs)
// are redeclared here as typed constants, so that the bridge never depends on what the importer makes of a macro.
#ifndef CPKCS11_SHIM_H
#define CPKCS11_SHIM_H

#include <p11-kit/pkcs11.h>

static const CK_FLAGS P11_OS_LOCKING_OK = CKF_OS_LOCKING_OK;
static const CK_FLAGS P11_SERIAL_SESSION = CKF_SERIAL_SESSION;
static const CK_FLAGS P11_RW_SESSION = CKF_RW_SESSION;

static const CK_FLAGS P11_TOKEN_INITIALIZED = CKF_TOKEN_INITIALIZED;
static const CK_FLAGS P11_USER_PIN_FINAL_TRY = CKF_USER_PIN_FINAL_TRY;
static const CK_FLAGS P11_USER_PIN_LOCKED = CKF_USER_PIN_LOCKED;

static const CK_ULONG P11_UNAVAILABLE_INFORMATION = CK_UNAVAILABLE_INFORMATION;
static const CK_ULONG P11_EFFECTIVELY_INFINITE = CK_EFFECTIVELY_INFINITE;
static const CK_ATTRIBUTE_TYPE P11_ALLOWED_MECHANISMS = CKA_ALLOWED_MECHANISMS;

#endif

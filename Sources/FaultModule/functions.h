// The 68 functions of PKCS#11 v2.40, in the order of CK_FUNCTION_LIST.
//
// FM_ALL(X) names each. FM_SESSION(X), FM_OBJECT(X) and FM_SLOT(X) are those that do nothing but pass through, with
// parameters and arguments, the session or slot first, and for FM_OBJECT the object by the name of `o`; the others are
// written out in Module.c. The types have one letter here, so that a function fits a line.
#ifndef FM_FUNCTIONS_H
#define FM_FUNCTIONS_H

typedef CK_SESSION_HANDLE S;
typedef CK_SLOT_ID L;
typedef CK_OBJECT_HANDLE O;
typedef CK_MECHANISM M;
typedef CK_MECHANISM_TYPE T;
typedef CK_MECHANISM_INFO I;
typedef CK_ATTRIBUTE A;
typedef CK_BYTE B;
typedef CK_ULONG N;

#define FM_ALL(X) \
    X(C_Initialize) X(C_Finalize) X(C_GetInfo) X(C_GetFunctionList) X(C_GetSlotList) X(C_GetSlotInfo) \
    X(C_GetTokenInfo) X(C_WaitForSlotEvent) X(C_GetMechanismList) X(C_GetMechanismInfo) X(C_InitToken) \
    X(C_InitPIN) X(C_SetPIN) X(C_OpenSession) X(C_CloseSession) X(C_CloseAllSessions) X(C_GetSessionInfo) \
    X(C_GetOperationState) X(C_SetOperationState) X(C_Login) X(C_Logout) X(C_CreateObject) X(C_CopyObject) \
    X(C_DestroyObject) X(C_GetObjectSize) X(C_GetAttributeValue) X(C_SetAttributeValue) X(C_FindObjectsInit) \
    X(C_FindObjects) X(C_FindObjectsFinal) X(C_EncryptInit) X(C_Encrypt) X(C_EncryptUpdate) X(C_EncryptFinal) \
    X(C_DecryptInit) X(C_Decrypt) X(C_DecryptUpdate) X(C_DecryptFinal) X(C_DigestInit) X(C_Digest) \
    X(C_DigestUpdate) X(C_DigestKey) X(C_DigestFinal) X(C_SignInit) X(C_Sign) X(C_SignUpdate) X(C_SignFinal) \
    X(C_SignRecoverInit) X(C_SignRecover) X(C_VerifyInit) X(C_Verify) X(C_VerifyUpdate) X(C_VerifyFinal) \
    X(C_VerifyRecoverInit) X(C_VerifyRecover) X(C_DigestEncryptUpdate) X(C_DecryptDigestUpdate) \
    X(C_SignEncryptUpdate) X(C_DecryptVerifyUpdate) X(C_GenerateKey) X(C_GenerateKeyPair) X(C_WrapKey) \
    X(C_UnwrapKey) X(C_DeriveKey) X(C_SeedRandom) X(C_GenerateRandom) X(C_GetFunctionStatus) X(C_CancelFunction)

#define FM_SESSION(X) \
    X(C_InitPIN, (S s, B *a, N b), (s, a, b)) \
    X(C_SetPIN, (S s, B *a, N b, B *c, N d), (s, a, b, c, d)) \
    X(C_GetSessionInfo, (S s, CK_SESSION_INFO *a), (s, a)) \
    X(C_GetOperationState, (S s, B *a, N *b), (s, a, b)) \
    X(C_SetOperationState, (S s, B *a, N b, O c, O d), (s, a, b, c, d)) \
    X(C_CreateObject, (S s, A *a, N b, O *c), (s, a, b, c)) \
    X(C_CopyObject, (S s, O a, A *b, N c, O *d), (s, a, b, c, d)) \
    X(C_GetObjectSize, (S s, O a, N *b), (s, a, b)) \
    X(C_FindObjectsInit, (S s, A *a, N b), (s, a, b)) \
    X(C_FindObjects, (S s, O *a, N b, N *c), (s, a, b, c)) \
    X(C_FindObjectsFinal, (S s), (s)) \
    X(C_EncryptInit, (S s, M *a, O b), (s, a, b)) \
    X(C_Encrypt, (S s, B *a, N b, B *c, N *d), (s, a, b, c, d)) \
    X(C_EncryptUpdate, (S s, B *a, N b, B *c, N *d), (s, a, b, c, d)) \
    X(C_EncryptFinal, (S s, B *a, N *b), (s, a, b)) \
    X(C_Decrypt, (S s, B *a, N b, B *c, N *d), (s, a, b, c, d)) \
    X(C_DecryptUpdate, (S s, B *a, N b, B *c, N *d), (s, a, b, c, d)) \
    X(C_DecryptFinal, (S s, B *a, N *b), (s, a, b)) \
    X(C_DigestInit, (S s, M *a), (s, a)) \
    X(C_Digest, (S s, B *a, N b, B *c, N *d), (s, a, b, c, d)) \
    X(C_DigestUpdate, (S s, B *a, N b), (s, a, b)) \
    X(C_DigestKey, (S s, O a), (s, a)) \
    X(C_DigestFinal, (S s, B *a, N *b), (s, a, b)) \
    X(C_SignUpdate, (S s, B *a, N b), (s, a, b)) \
    X(C_SignRecoverInit, (S s, M *a, O b), (s, a, b)) \
    X(C_SignRecover, (S s, B *a, N b, B *c, N *d), (s, a, b, c, d)) \
    X(C_VerifyInit, (S s, M *a, O b), (s, a, b)) \
    X(C_Verify, (S s, B *a, N b, B *c, N d), (s, a, b, c, d)) \
    X(C_VerifyUpdate, (S s, B *a, N b), (s, a, b)) \
    X(C_VerifyFinal, (S s, B *a, N b), (s, a, b)) \
    X(C_VerifyRecoverInit, (S s, M *a, O b), (s, a, b)) \
    X(C_VerifyRecover, (S s, B *a, N b, B *c, N *d), (s, a, b, c, d)) \
    X(C_DigestEncryptUpdate, (S s, B *a, N b, B *c, N *d), (s, a, b, c, d)) \
    X(C_DecryptDigestUpdate, (S s, B *a, N b, B *c, N *d), (s, a, b, c, d)) \
    X(C_SignEncryptUpdate, (S s, B *a, N b, B *c, N *d), (s, a, b, c, d)) \
    X(C_DecryptVerifyUpdate, (S s, B *a, N b, B *c, N *d), (s, a, b, c, d)) \
    X(C_GenerateKey, (S s, M *a, A *b, N c, O *d), (s, a, b, c, d)) \
    X(C_GenerateKeyPair, (S s, M *a, A *b, N c, A *d, N e, O *f, O *g), (s, a, b, c, d, e, f, g)) \
    X(C_WrapKey, (S s, M *a, O b, O c, B *d, N *e), (s, a, b, c, d, e)) \
    X(C_UnwrapKey, (S s, M *a, O b, B *c, N d, A *e, N f, O *g), (s, a, b, c, d, e, f, g)) \
    X(C_DeriveKey, (S s, M *a, O b, A *c, N d, O *e), (s, a, b, c, d, e)) \
    X(C_SeedRandom, (S s, B *a, N b), (s, a, b)) \
    X(C_GenerateRandom, (S s, B *a, N b), (s, a, b)) \
    X(C_GetFunctionStatus, (S s), (s)) \
    X(C_CancelFunction, (S s), (s))

#define FM_OBJECT(X) \
    X(C_DestroyObject, (S s, O o), (s, o)) \
    X(C_GetAttributeValue, (S s, O o, A *a, N b), (s, o, a, b)) \
    X(C_SetAttributeValue, (S s, O o, A *a, N b), (s, o, a, b)) \
    X(C_DecryptInit, (S s, M *a, O o), (s, a, o)) \
    X(C_SignInit, (S s, M *a, O o), (s, a, o))

#define FM_SLOT(X) \
    X(C_GetMechanismList, (L s, T *a, N *b), (s, a, b)) \
    X(C_GetMechanismInfo, (L s, T a, I *b), (s, a, b))

#endif

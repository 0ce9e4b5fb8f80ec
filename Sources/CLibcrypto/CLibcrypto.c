#include "CLibcrypto.h"

#include <limits.h>
#include <openssl/evp.h>

size_t clibcrypto_wrap_padded(const unsigned char *key, const unsigned char *plain, size_t length,
                              unsigned char *wrapped) {
    int written = 0, rest = 0;
    if (length == 0 || length > INT_MAX / 2) return 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    if (context == NULL) return 0;
    EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    int done = EVP_EncryptInit_ex(context, EVP_aes_256_wrap_pad(), NULL, key, NULL) == 1
        && EVP_EncryptUpdate(context, wrapped, &written, plain, (int)length) == 1
        && EVP_EncryptFinal_ex(context, wrapped + written, &rest) == 1;
    EVP_CIPHER_CTX_free(context);
    return done ? (size_t)(written + rest) : 0;
}

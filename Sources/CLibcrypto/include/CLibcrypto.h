// The one thing of OpenSSL's libcrypto that swift-crypto lacks. No logic.
#ifndef CLIBCRYPTO_H
#define CLIBCRYPTO_H

#include <stddef.h>

/// AES-256 key wrap with padding (RFC 5649, also NIST SP 800-38F KWP). `key` has 32 bytes; `wrapped` has room for
/// `length` rounded up to a multiple of 8, and 8 more. How many bytes were written, or 0 when it failed.
size_t clibcrypto_wrap_padded(const unsigned char *_Nonnull key, const unsigned char *_Nonnull plain, size_t length,
                              unsigned char *_Nonnull wrapped);

#endif

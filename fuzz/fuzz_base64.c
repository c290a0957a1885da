/* base64: RFC 2045 s6.8. */
#include "transfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length) {
    check_transfer(MIME_BASE64, input, length);
    return 0;
}

/* uuencode: uuencode(1). */
#include "transfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length) {
    check_transfer(MIME_UUENCODE, input, length);
    return 0;
}

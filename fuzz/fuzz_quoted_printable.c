/* quoted_printable: RFC 2045 s6.7. */
#include "transfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length) {
    check_transfer(MIME_QUOTED_PRINTABLE, input, length);
    return 0;
}

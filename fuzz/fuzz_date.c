/* A date: what can be read is a moment of the years 1900 to 9999 (give or take its zone), and blanks around change nothing. */
#include "check.h"

#include "mime/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length) {
    int64_t seconds = 0, again = 0;
    int32_t offset = 0, offset_again = 0;
    int result = date_read(input, length, &seconds, &offset);
    check(result >= 0 && result <= 2);
    if (result) check(seconds > INT64_C(-2208988800) - 90000 && seconds < INT64_C(253402300800) + 90000);
    if (result) check(offset >= -1440 && offset <= 1440);
    uint8_t *padded = malloc(length + 2);
    check(padded != NULL);
    padded[0] = padded[length + 1] = ' ';
    if (length) memcpy(padded + 1, input, length);
    check(date_read(padded, length + 2, &again, &offset_again) == result);
    check(again == seconds && offset_again == offset);
    free(padded);
    return 0;
}

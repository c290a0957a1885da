/* Dates of mail; see date.h.
 *
 * Tokens are taken for what they look like, in any order, so that RFC 5322 ("Mon, 5 Jan 2026 10:00:00 +0100"), asctime
 * ("Mon Jan  5 10:00:00 2026"), RFC 850 ("Monday, 05-Jan-26 10:00:00 GMT") and ISO 8601 ("2026-01-05T10:00:00+01:00")
 * are read by one rule.
 */
#include "date.h"

#include "lexer.h"
#include "octets.h"

typedef struct date_parts {
    int year, month, day; /* -1: not seen yet */
    int hour, minute, second;
    int zone; /* minutes east */
    int has_time, has_zone, is_afternoon, is_morning, is_bad;
} date_parts;

static const char MONTHS[] = "janfebmaraprmayjunjulaugsepoctnovdec";

static const struct {
    const char *name;
    int minutes;
} ZONES[] = {
    /* RFC 5322 s4.3, then others often seen; military letters mean nothing certain and count as UTC. */
    {"ut", 0},      {"utc", 0},     {"gmt", 0},     {"est", -300},  {"edt", -240},  {"cst", -360},
    {"cdt", -300},  {"mst", -420},  {"mdt", -360},  {"pst", -480},  {"pdt", -420},  {"wet", 0},
    {"west", 60},   {"bst", 60},    {"cet", 60},    {"met", 60},    {"mez", 60},    {"cest", 120},
    {"mest", 120},  {"mesz", 120},  {"eet", 120},   {"eest", 180},  {"msk", 180},   {"msd", 240},
    {"jst", 540},   {"kst", 540},   {"hst", -600},  {"akst", -540}, {"akdt", -480}, {"hkt", 480},
    {"sgt", 480},   {"aest", 600},  {"aedt", 660},  {"nzst", 720},  {"nzdt", 780},
};

/* Digits at the cursor (at most 9 count); -1 if there are none. */
static int date_number(lexer *cursor, int *digits) {
    int number = 0;
    *digits = 0;
    for (; cursor->at < cursor->end && octet_is_digit(*cursor->at); cursor->at++) {
        if (*digits < 9) number = number * 10 + (*cursor->at - '0');
        ++*digits;
    }
    return *digits ? number : -1;
}

static int date_peek(const lexer *cursor, uint8_t c) { return cursor->at < cursor->end && *cursor->at == c; }

/* At the separator and a digit, white space let pass around it (RFC 5322 s4.3): moves to the digit. */
static int date_take_separator(lexer *cursor, uint8_t separator) {
    lexer ahead = *cursor;
    lexer_skip(&ahead, NULL);
    if (!date_peek(&ahead, separator)) return 0;
    ahead.at++;
    lexer_skip(&ahead, NULL);
    if (ahead.at == ahead.end || !octet_is_digit(*ahead.at)) return 0;
    *cursor = ahead;
    return 1;
}

/* MM[:SS[.fraction]] after an hour and its separator. Points instead of colons are let pass. */
static void date_read_time(date_parts *date, lexer *cursor, int hour, uint8_t separator) {
    int digits;
    date->has_time = 1;
    date->hour = hour;
    date->minute = date_number(cursor, &digits);
    date->second = 0;
    if (!date_take_separator(cursor, separator)) return;
    date->second = date_number(cursor, &digits);
    if (date_peek(cursor, '.') || date_peek(cursor, ',')) {
        lexer fraction = {cursor->at + 1, cursor->end};
        if (date_number(&fraction, &digits) >= 0) cursor->at = fraction.at;
    }
}

/* +hhmm, +hh:mm, +hh, +hmm after the time. RFC 5322 s3.3. */
static void date_read_zone(date_parts *date, lexer *cursor) {
    int sign = *cursor->at++ == '-' ? -1 : 1, digits, minutes;
    int number = date_number(cursor, &digits);
    if (number < 0) return;
    minutes = digits <= 2 ? number * 60 : number / 100 * 60 + number % 100;
    if (digits <= 2 && date_peek(cursor, ':')) {
        cursor->at++;
        int rest = date_number(cursor, &digits);
        if (rest > 0) minutes += rest;
    }
    /* QUIRK: zones such as +9900 stand in forged mail: the time is kept, the zone is not believed. */
    if (minutes > 24 * 60) minutes = 0;
    if (date->has_zone && date->zone) return; /* "GMT+0100" adds to a zero zone only */
    date->zone = sign * minutes;
    date->has_zone = 1;
}

/* -MM-DD after a four-digit year (ISO 8601), with any of - / . between. */
static void date_read_rest_of_iso(date_parts *date, lexer *cursor) {
    int digits;
    lexer ahead = *cursor;
    uint8_t separator = *ahead.at++;
    int month = date_number(&ahead, &digits);
    if (month < 0 || !date_peek(&ahead, separator)) return;
    ahead.at++;
    int day = date_number(&ahead, &digits);
    if (day < 0) return;
    date->month = month;
    date->day = day;
    *cursor = ahead;
    if (date_peek(cursor, 'T') || date_peek(cursor, 't')) cursor->at++;
}

/* Two digits: RFC 5322 s4.3, 00-49 are 2000-2049; three digits count from 1900. */
static int date_full_year(int year, int digits) {
    /* QUIRK: "27 Aug 0102" is 2002, from senders that print the years since 1900 with four digits. */
    if (digits == 4 && year >= 100 && year < 200) return 1900 + year;
    if (digits >= 4) return year;
    return digits == 2 && year < 50 ? 2000 + year : 1900 + year;
}

static void date_read_number(date_parts *date, lexer *cursor) {
    int digits, number = date_number(cursor, &digits);
    int can_be_hour = !date->has_time && digits <= 2;
    if (can_be_hour && date_take_separator(cursor, ':')) {
        date_read_time(date, cursor, number, ':');
    } else if (can_be_hour && date->year >= 0 && date_take_separator(cursor, '.')) {
        date_read_time(date, cursor, number, '.');
    } else if (digits >= 4 && date->year < 0) {
        date->year = date_full_year(number, digits);
        date->is_bad = date->year != number;
        int is_iso = date->month < 0 && cursor->at < cursor->end && strchr("-/.", *cursor->at) && *cursor->at;
        if (is_iso) date_read_rest_of_iso(date, cursor);
    } else if (digits <= 2 && date->day < 0) {
        date->day = number;
    } else if (date->year < 0) {
        date->year = date_full_year(number, digits);
    }
}

static int date_find_month(lexer word) {
    for (int month = 0; month < 12; month++)
        if (octets_equal(word.at, 3, MONTHS + month * 3, 3)) return month + 1;
    return 0;
}

static void date_read_word(date_parts *date, lexer *cursor) {
    lexer word = {cursor->at, cursor->at};
    while (cursor->at < cursor->end && octet_is_alpha(*cursor->at)) cursor->at++;
    word.end = cursor->at;
    size_t length = (size_t)(word.end - word.at);
    if (length >= 3 && date->month < 0 && date_find_month(word)) {
        date->month = date_find_month(word);
        return;
    }
    if (octets_are(word.at, length, "pm")) date->is_afternoon = 1;
    if (octets_are(word.at, length, "am")) date->is_morning = 1;
    if (!date->has_time || date->has_zone) return;
    for (size_t i = 0; i < sizeof ZONES / sizeof *ZONES; i++) {
        if (!octets_equal(word.at, length, ZONES[i].name, strlen(ZONES[i].name))) continue;
        date->zone = ZONES[i].minutes;
        date->has_zone = 1;
    }
}

static void date_read_tokens(date_parts *date, lexer *cursor) {
    while (lexer_skip(cursor, NULL), cursor->at < cursor->end) {
        uint8_t c = *cursor->at;
        int is_signed = (c == '+' || c == '-') && cursor->at + 1 < cursor->end && octet_is_digit(cursor->at[1]);
        if (is_signed && date->has_time) date_read_zone(date, cursor);
        else if (octet_is_digit(c)) date_read_number(date, cursor);
        else if (octet_is_alpha(c)) date_read_word(date, cursor);
        else cursor->at++;
    }
}

/* Two digits at `at`, or -1. */
static int date_pair(const uint8_t *at) {
    unsigned tens = at[0] - '0', ones = at[1] - '0';
    return tens < 10 && ones < 10 ? (int)(tens * 10 + ones) : -1;
}

/* What RFC 5322 s3.3 asks for and nearly all mail has: [Mon, ]05 Jan 2026 10:00:00 +0100, one space between. 0 if it is
 * not exactly that. */
static int date_read_usual(date_parts *date, const uint8_t *at, const uint8_t *end) {
    while (at < end && *at == ' ') at++;
    if (end - at > 5 && at[3] == ',' && at[4] == ' ') at += 5;
    if (end - at < 25) return 0;
    int is_one_digit = at[1] == ' ';
    date->day = is_one_digit && octet_is_digit(at[0]) ? at[0] - '0' : date_pair(at);
    at += is_one_digit ? 1 : 2;
    if (end - at != 24) return 0;
    int century = date_pair(at + 5), year = date_pair(at + 7), zone_hour = date_pair(at + 20);
    int zone_minute = date_pair(at + 22), sign = at[19] == '+' ? 1 : at[19] == '-' ? -1 : 0;
    date->month = date_find_month((lexer){at + 1, at + 4});
    date->hour = date_pair(at + 10);
    date->minute = date_pair(at + 13);
    date->second = date_pair(at + 16);
    date->year = century * 100 + year;
    date->zone = sign * (zone_hour * 60 + zone_minute);
    date->has_time = date->has_zone = 1;
    int is_spaced = at[0] == ' ' && at[4] == ' ' && at[9] == ' ' && at[18] == ' ';
    int has_numbers = date->day >= 0 && century >= 19 && year >= 0 && date->hour >= 0 && date->minute >= 0 &&
                      date->second >= 0 && zone_hour >= 0 && zone_hour < 24 && zone_minute >= 0;
    return is_spaced && at[12] == ':' && at[15] == ':' && has_numbers && sign && date->month;
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar: years begin in March, so that leap days come last. */
static int64_t date_days(int year, int month, int day) {
    int64_t y = month > 2 ? year : year - 1;
    int64_t era_day = y * 365 + y / 4 - y / 100 + y / 400;
    return era_day + (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1 - 719468;
}

static int date_is_valid(const date_parts *date) {
    static const int DAYS[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (date->year < 1900 || date->year > 9999 || date->month < 1 || date->month > 12) return 0;
    int is_leap = date->year % 4 == 0 && (date->year % 100 != 0 || date->year % 400 == 0);
    int last = date->month == 2 && !is_leap ? 28 : DAYS[date->month - 1];
    if (date->day < 1 || date->day > last || !date->has_time) return 0;
    return date->hour >= 0 && date->hour < 24 && date->minute >= 0 && date->minute < 60 && date->second >= 0 &&
           date->second <= 60;
}

int date_read(const uint8_t *bytes, size_t length, int64_t *seconds, int32_t *offset) {
    date_parts date = {.year = -1, .month = -1, .day = -1};
    lexer cursor = {bytes, bytes + length};
    if (!date_read_usual(&date, cursor.at, cursor.end)) {
        date = (date_parts){.year = -1, .month = -1, .day = -1};
        date_read_tokens(&date, &cursor);
    }
    if (date.is_afternoon && date.hour < 12) date.hour += 12;
    if (date.is_morning && date.hour == 12) date.hour = 0;
    if (!date_is_valid(&date)) return 0;
    int64_t day = date_days(date.year, date.month, date.day);
    *seconds = day * 86400 + date.hour * 3600 + date.minute * 60 + date.second - (int64_t)date.zone * 60;
    *offset = date.zone;
    return date.is_bad ? 2 : 1;
}

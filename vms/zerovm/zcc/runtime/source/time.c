/* Dates of the calendar, all of them UTC. A guest has no clock: the time is what /dev/nvram says, and
   stands still. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

extern long long __nvram_seconds;

time_t time(time_t *to) {
  if (to)
    *to = __nvram_seconds;
  return __nvram_seconds;
}

clock_t clock(void) { return 0; }

int clock_gettime(int clock, struct timespec *to) {
  if (__nvram_seconds < 0) {
    errno = ENOSYS;
    return -1;
  }
  *to = (struct timespec){__nvram_seconds, 0};
  return 0;
}

int gettimeofday(struct timeval *restrict to, void *restrict zone) {
  (void)zone;
  *to = (struct timeval){__nvram_seconds < 0 ? 0 : __nvram_seconds, 0};
  return 0;
}

double difftime(time_t later, time_t earlier) { return later - earlier; }

/* Days since 1970-01-01 of a date, by years that begin in March. */
static long long days_of(long long year, int month, int day) {
  year -= month <= 2;
  long long era = (year >= 0 ? year : year - 399) / 400;
  unsigned of_era = year - era * 400;
  unsigned of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

struct tm *gmtime_r(const time_t *restrict time, struct tm *restrict parts) {
  long long days = *time / 86400, seconds = *time % 86400;
  if (seconds < 0) {
    seconds += 86400;
    days--;
  }
  if (days > 700000000000LL || days < -700000000000LL) {
    errno = EOVERFLOW;
    return NULL;
  }
  long long shifted = days + 719468;
  long long era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
  unsigned of_era = shifted - era * 146097;
  unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  unsigned shifted_month = (5 * of_year + 2) / 153;
  int month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  long long year = year_of_era + era * 400 + (month <= 2);
  if (year - 1900 != (int)(year - 1900)) {
    errno = EOVERFLOW;
    return NULL;
  }
  *parts = (struct tm){
      .tm_sec = seconds % 60,
      .tm_min = seconds / 60 % 60,
      .tm_hour = seconds / 3600,
      .tm_mday = of_year - (153 * shifted_month + 2) / 5 + 1,
      .tm_mon = month - 1,
      .tm_year = year - 1900,
      .tm_wday = ((days + 4) % 7 + 7) % 7,
      .tm_yday = days - days_of(year, 1, 1),
  };
  return parts;
}

struct tm *localtime_r(const time_t *restrict time, struct tm *restrict parts) {
  return gmtime_r(time, parts);
}

static struct tm kept;
struct tm *gmtime(const time_t *time) { return gmtime_r(time, &kept); }
struct tm *localtime(const time_t *time) { return gmtime_r(time, &kept); }

time_t mktime(struct tm *parts) {
  long long month = parts->tm_mon, year = parts->tm_year + 1900LL + month / 12;
  month %= 12;
  if (month < 0) {
    month += 12;
    year--;
  }
  time_t time = (days_of(year, month + 1, 1) + parts->tm_mday - 1) * 86400 +
                parts->tm_hour * 3600LL + parts->tm_min * 60LL + parts->tm_sec;
  struct tm normal;
  if (!gmtime_r(&time, &normal))
    return -1;
  *parts = normal;
  return time;
}

static const char *const days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                   "Thursday", "Friday", "Saturday"};
static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};

/* The number of the week, where weeks begin on `first`. */
static int week(const struct tm *parts, int first) {
  return (parts->tm_yday + 7 - (parts->tm_wday - first + 7) % 7) / 7;
}

static int is_leap(long long year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

/* The week of ISO 8601 and its year. */
static int iso_week(const struct tm *parts, long long *year) {
  int weekday = (parts->tm_wday + 6) % 7, number = (parts->tm_yday - weekday + 10) / 7;
  *year = parts->tm_year + 1900LL;
  if (number < 1) {
    --*year;
    int day = parts->tm_yday + 365 + is_leap(*year);
    return (day - weekday + 10) / 7;
  }
  if (number == 53 && parts->tm_yday - weekday + 3 >= 365 + is_leap(*year)) {
    ++*year;
    return 1;
  }
  return number;
}

size_t strftime(char *restrict to, size_t size, const char *restrict format,
                const struct tm *restrict parts) {
  size_t length = 0;
  long long year = parts->tm_year + 1900LL, iso_year;
  int hour = parts->tm_hour % 12 ? parts->tm_hour % 12 : 12, iso = iso_week(parts, &iso_year);
  const char *day = (unsigned)parts->tm_wday < 7 ? days[parts->tm_wday] : "?";
  const char *month = (unsigned)parts->tm_mon < 12 ? months[parts->tm_mon] : "?";
  for (; *format; format++) {
    char text[64] = {*format};
    const char *nested = NULL;
    if (*format == '%') {
      format++;
      if (*format == 'E' || *format == 'O')
        format++;
      switch (*format) {
      case 'a': snprintf(text, sizeof text, "%.3s", day); break;
      case 'A': snprintf(text, sizeof text, "%s", day); break;
      case 'b':
      case 'h': snprintf(text, sizeof text, "%.3s", month); break;
      case 'B': snprintf(text, sizeof text, "%s", month); break;
      case 'c': nested = "%a %b %e %H:%M:%S %Y"; break;
      case 'C': snprintf(text, sizeof text, "%02lld", year / 100); break;
      case 'd': snprintf(text, sizeof text, "%02d", parts->tm_mday); break;
      case 'D':
      case 'x': nested = "%m/%d/%y"; break;
      case 'e': snprintf(text, sizeof text, "%2d", parts->tm_mday); break;
      case 'F': nested = "%Y-%m-%d"; break;
      case 'g': snprintf(text, sizeof text, "%02d", (int)(iso_year % 100)); break;
      case 'G': snprintf(text, sizeof text, "%lld", iso_year); break;
      case 'H': snprintf(text, sizeof text, "%02d", parts->tm_hour); break;
      case 'I': snprintf(text, sizeof text, "%02d", hour); break;
      case 'j': snprintf(text, sizeof text, "%03d", parts->tm_yday + 1); break;
      case 'm': snprintf(text, sizeof text, "%02d", parts->tm_mon + 1); break;
      case 'M': snprintf(text, sizeof text, "%02d", parts->tm_min); break;
      case 'n': strcpy(text, "\n"); break;
      case 'p': strcpy(text, parts->tm_hour < 12 ? "AM" : "PM"); break;
      case 'r': nested = "%I:%M:%S %p"; break;
      case 'R': nested = "%H:%M"; break;
      case 's': {
        struct tm copy = *parts;
        snprintf(text, sizeof text, "%lld", mktime(&copy));
        break;
      }
      case 'S': snprintf(text, sizeof text, "%02d", parts->tm_sec); break;
      case 't': strcpy(text, "\t"); break;
      case 'T':
      case 'X': nested = "%H:%M:%S"; break;
      case 'u': snprintf(text, sizeof text, "%d", parts->tm_wday ? parts->tm_wday : 7); break;
      case 'U': snprintf(text, sizeof text, "%02d", week(parts, 0)); break;
      case 'V': snprintf(text, sizeof text, "%02d", iso); break;
      case 'w': snprintf(text, sizeof text, "%d", parts->tm_wday); break;
      case 'W': snprintf(text, sizeof text, "%02d", week(parts, 1)); break;
      case 'y': snprintf(text, sizeof text, "%02d", (int)(year % 100)); break;
      case 'Y': snprintf(text, sizeof text, "%lld", year); break;
      case 'z': strcpy(text, "+0000"); break;
      case 'Z': strcpy(text, parts->tm_isdst < 0 ? "" : "GMT"); break;
      case '%': strcpy(text, "%"); break;
      default: return 0;
      }
    }
    size_t added;
    if (nested) {
      added = strftime(to + length, size - length, nested, parts);
      if (!added)
        return 0;
    } else {
      added = strlen(text);
      if (added >= size - length)
        return 0;
      memcpy(to + length, text, added);
    }
    length += added;
  }
  if (length >= size)
    return 0;
  to[length] = 0;
  return length;
}

char *asctime(const struct tm *parts) {
  static char text[64];
  strftime(text, sizeof text, "%a %b %e %H:%M:%S %Y\n", parts);
  return text;
}

char *ctime(const time_t *time) { return asctime(gmtime(time)); }

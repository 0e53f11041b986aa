/* Kinds of characters, of ASCII. */
#include <ctype.h>

int isdigit(int byte) { return (unsigned)byte - '0' < 10; }
int islower(int byte) { return (unsigned)byte - 'a' < 26; }
int isupper(int byte) { return (unsigned)byte - 'A' < 26; }
int isalpha(int byte) { return ((unsigned)byte | 32) - 'a' < 26; }
int isalnum(int byte) { return isalpha(byte) || isdigit(byte); }
int isascii(int byte) { return !(byte & ~127); }
int isblank(int byte) { return byte == ' ' || byte == '\t'; }
int iscntrl(int byte) { return (unsigned)byte < 32 || byte == 127; }
int isgraph(int byte) { return (unsigned)byte - 33 < 94; }
int isprint(int byte) { return (unsigned)byte - 32 < 95; }
int ispunct(int byte) { return isgraph(byte) && !isalnum(byte); }
int isspace(int byte) { return byte == ' ' || (unsigned)byte - '\t' < 5; }
int isxdigit(int byte) { return isdigit(byte) || ((unsigned)byte | 32) - 'a' < 6; }
int tolower(int byte) { return isupper(byte) ? byte + 32 : byte; }
int toupper(int byte) { return islower(byte) ? byte - 32 : byte; }
int toascii(int byte) { return byte & 127; }

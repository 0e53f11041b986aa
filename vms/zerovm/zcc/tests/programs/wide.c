/* Wide characters of the locale "C": texts, kinds, and how they become bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

static int sign(int value) { return (value > 0) - (value < 0); }

int main(void) {
  wchar_t text[64] = L"", *rest, other[8];
  wcscpy(text, L"one two");
  wcscat(text, L" three");
  wcsncat(text, L" four and more", 5);
  printf("%ls %u %u\n", text, (unsigned)wcslen(text), (unsigned)wcsnlen(text, 4));
  printf("%d %d %d\n", (int)(wcschr(text, L't') - text), (int)(wcsrchr(text, L't') - text),
         (int)(wcsstr(text, L"three") - text));
  printf("%d %d %d\n", wcschr(text, L'z') == NULL, wcsstr(text, L"thrice") == NULL, wcschr(text, 0) == text + wcslen(text));
  printf("%d %d %d\n", sign(wcscmp(text, L"one")), sign(wcsncmp(text, L"onf", 2)), sign(wcscmp(L"a", L"b")));
  printf("%u %u %ls\n", (unsigned)wcsspn(text, L"eno"), (unsigned)wcscspn(text, L"w"), wcspbrk(text, L"xyzh"));
  for (wchar_t *word = wcstok(text, L" ", &rest); word; word = wcstok(NULL, L" ", &rest))
    printf("<%ls>", word);
  wcsncpy(other, L"abc", 8);
  printf("\n%d %d\n", other[3] | other[7], wmemcmp(other, L"abd", 3) < 0);
  wmemset(other, L'x', 3);
  printf("%ls %d\n", other, (int)(wmemchr(other, 0, 8) - other));
  wmemmove(other + 1, L"yz", 2);
  wchar_t *copy = wcsdup(other);
  printf("%ls\n", copy);
  free(copy);
  char bytes[16];
  printf("%d %s", (int)wcstombs(bytes, L"to bytes", sizeof bytes), bytes);
  printf(" %d %d\n", (int)mbstowcs(NULL, "six by", 0), (int)mbstowcs(other, "back", 8));
  printf("%ls %d %d %d\n", other, (int)wcstombs(NULL, L"\x4e2d", 0), wctob(L'a'), btowc('a') == L'a');
  mbstate_t state;
  memset(&state, 0, sizeof state);
  printf("%d %d %d\n", (int)mbrtowc(other, "q", 1, &state), (int)mbrtowc(other, "", 1, &state), (int)wcrtomb(bytes, L'w', &state));
  for (wint_t character = 0; character < 130; character += 3)
    printf("%d%d%d%d%d%d%c", !!iswalpha(character), !!iswdigit(character), !!iswspace(character), !!iswupper(character),
           !!iswpunct(character), towupper(character) != character, character % 10 ? ' ' : '\n');
  puts("");
  return 0;
}

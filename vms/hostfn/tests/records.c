/* Functions whose parameters no function of the system's libraries has. */

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The sum of the elements from first up to last. */
long sum(const long *first, const long *last)
{
	long total = 0;

	while (first && first != last)
		total += *first++;
	return total;
}

/* Doubles the elements from first up to last. */
void twice(int *first, int *last)
{
	for (; first != last; first++)
		*first *= 2;
}

/* Joins texts that end with NULL; what does not fit is left out, and so is the terminator then. */
size_t join(char *const *texts, char *into, size_t size)
{
	size_t length = 0;

	for (; *texts; texts++) {
		const char *letter;

		for (letter = *texts; *letter; letter++, length++)
			if (length < size)
				into[length] = *letter;
	}
	if (length < size)
		into[length] = 0;
	return length;
}

struct pair {
	char tag;
	long value;
};

/* Fills n pairs into memory that is measured by their size. */
void pairs(void *into, int n)
{
	struct pair *pair = into;
	int i;

	for (i = 0; i < n; i++) {
		memset(&pair[i], 0, sizeof *pair);
		pair[i].tag = (char)('a' + i);
		pair[i].value = 1000L * i;
	}
}

struct number {
	int kind;
	union {
		long integer;
		double real;
	};
	struct {
		short low;
		short high;
	};
};

/* Makes the number one of the other kind. */
void other(struct number *number)
{
	if (number->kind) {
		number->integer = (long)number->real;
		number->kind = 0;
	} else {
		number->real = (double)number->integer;
		number->kind = 1;
	}
	number->low++;
	number->high--;
}

struct item {
	int kind;
	union {
		long number;
		const char *text;
		double real;
	} what;
};

/* Writes what each item holds; answers the length. */
size_t show(const struct item *items, int n, char *into, size_t size)
{
	size_t length = 0;
	int i;

	for (i = 0; i < n && length < size; i++) {
		char *at = into + length;
		size_t room = size - length;
		int added = 0;

		switch (items[i].kind) {
		case 0:
			added = snprintf(at, room, "%ld,", items[i].what.number);
			break;
		case 1:
		case 2:
			added = snprintf(at, room, "%s,", items[i].what.text ? items[i].what.text : "none");
			break;
		case 3:
			added = snprintf(at, room, "%g,", items[i].what.real);
			break;
		}
		length += (size_t)added;
	}
	if (n == 0 && size)
		*into = 0;
	return length;
}

struct node {
	long value;
	struct node *next;
};

/* A list of the same values the other way round. */
struct node *reversed(const struct node *list)
{
	struct node *first = NULL;

	for (; list; list = list->next) {
		struct node *node = malloc(sizeof *node);

		if (!node)
			abort();
		node->value = list->value;
		node->next = first;
		first = node;
	}
	return first;
}

void free_list(struct node *list)
{
	while (list) {
		struct node *next = list->next;

		free(list);
		list = next;
	}
}

struct flags {
	char first;
	int low : 4;
	unsigned wide : 13;
	_Bool yes : 1;
	unsigned : 3;
	long long far : 27;
	unsigned short : 0;
	unsigned char bytes : 7;
	int last;
};

size_t size_of_flags(void)
{
	return sizeof(struct flags);
}

/* Changes each flag; says whether they were what they should be. */
int change(struct flags *flags, int n)
{
	int i, good = 1;

	for (i = 0; i < n; i++) {
		struct flags *one = &flags[i];

		good &= one->first == 'f' && one->low == -3 && one->wide == 8000 && one->yes;
		good &= one->far == -60000000 && one->bytes == 100 && one->last == 7 + i;
		one->low = 5;
		one->wide = one->wide + 1;
		one->yes = 0;
		one->far = -one->far;
		one->bytes = 1;
		one->last++;
	}
	return good;
}

/* Sets the flags to what change expects. */
void make_flags(struct flags *flags, int n)
{
	int i;

	memset(flags, 0, sizeof *flags * (size_t)n);
	for (i = 0; i < n; i++) {
		struct flags made = { 'f', -3, 8000, 1, -60000000, 100, 7 + i };

		flags[i] = made;
	}
}

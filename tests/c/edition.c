/* A library that is compiled again and again: EDITION says which one it is. */

int edition(void)
{
    return EDITION;
}

/* Says where its source was, as messages of assertions do. */
#include <stdio.h>

int main(void)
{
    puts(__FILE__);
    return 0;
}

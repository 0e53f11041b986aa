/* What happens before and after main. */
#include <stdlib.h>
#include <zvm.h>

extern int main(int argc, char **argv, char **envp);
void __zvm_find_manifest(void);
void __zvm_read_nvram(int *argc, char ***argv, char ***envp);

typedef void function(void);
extern function *__preinit_array_start[], *__init_array_start[], *__init_array_end[];

_Noreturn void __zvm_start(void) {
  int argc;
  char **argv, **envp;
  __zvm_find_manifest();
  __zvm_read_nvram(&argc, &argv, &envp);
  for (function **each = __preinit_array_start; each < __init_array_end; each++)
    (*each)();
  exit(main(argc, argv, envp));
}

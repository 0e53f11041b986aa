/* Runs Dhrystone 2.1, and prints the values that its authors give for the end, each with what it is to
   be: the version that is compiled here has no such lines of its own. */
#include <common.h>
#include "dhry.h"

extern void dhry(int runs);
extern Rec_Pointer Ptr_Glob, Next_Ptr_Glob;
extern int Int_Glob, Bool_Glob, Arr_1_Glob[50], Arr_2_Glob[50][50];
extern char Ch_1_Glob, Ch_2_Glob;

/* The sum is made by the last of its procedures: 7 for each run but the first, and 10 at first. */
int main(void) {
  dhry(RUNS);
  printf("Int_Glob %d, is to be 5\n", Int_Glob);
  printf("Bool_Glob %d, is to be 1\n", Bool_Glob);
  printf("Ch_1_Glob %c, is to be A\n", Ch_1_Glob);
  printf("Ch_2_Glob %c, is to be B\n", Ch_2_Glob);
  printf("Arr_1_Glob[8] %d, is to be 7\n", Arr_1_Glob[8]);
  printf("Arr_2_Glob[8][7] %d, is to be %d\n", Arr_2_Glob[8][7], RUNS - 1 + 10);
  for (Rec_Pointer each = Ptr_Glob; each; each = each == Ptr_Glob ? Next_Ptr_Glob : NULL)
    printf("%d %d %d %s\n", each->Discr, each->variant.var_1.Enum_Comp, each->variant.var_1.Int_Comp,
           each->variant.var_1.Str_Comp);
  return 0;
}

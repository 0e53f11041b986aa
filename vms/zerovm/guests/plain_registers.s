# As `registers`, in a program that uses vectors but neither the x87 unit nor the SSE control word.
        .equ    PLAIN, 1
        .include "registers.s"
